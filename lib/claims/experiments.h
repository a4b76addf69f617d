/* SPDX-License-Identifier: MIT */
/// The experiments of claims.def, one per file. Each runs in a process of its own and records
/// values (claim.h); what they mean is in claims.def.
#ifndef HSP_CLAIMS_EXPERIMENTS_H
#define HSP_CLAIMS_EXPERIMENTS_H

struct claim;

void claim_address_space(struct claim *claim);
void claim_control(struct claim *claim);
void claim_doorbell(struct claim *claim);
void claim_events(struct claim *claim);
void claim_exit(struct claim *claim);
void claim_fork(struct claim *claim);
void claim_herd(struct claim *claim);
void claim_locks(struct claim *claim);
void claim_observer(struct claim *claim);
void claim_pinned(struct claim *claim);
void claim_signals(struct claim *claim);
void claim_streams(struct claim *claim);
void claim_wait(struct claim *claim);

#endif
