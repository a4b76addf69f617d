/* SPDX-License-Identifier: MIT */
/// Claims about where the abstractions of the operating system don't fit a GPU, each with the
/// experiment that decides it.
///
/// An experiment runs in a child process of its own, in a process group and a scratch directory of
/// its own and with a time limit: one that hangs or crashes is undecided, with the reason, and
/// leaves nothing behind. It records values (claim.h), each with its interval and with what the
/// claim predicts of it; the verdict follows from these alone.
///
/// A claim's class says who can decide it. `U`: user space decides, so the unmodified ROCm on the
/// software GPU does as well as hardware. `K` and `H`: the kernel's driver or the hardware decides.
/// On the software GPU the mechanics of such an experiment run, and its verdict is withheld.
///
/// Each experiment has a negative control: the same measurement and the same decision on a planted
/// situation in which the claim is false. It must come out refuted.
///
/// Thread safety: one caller at a time, from a process that has neither threads nor opened HSA.
#ifndef HSP_CLAIMS_CLAIMS_H
#define HSP_CLAIMS_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hsp_verdict { HSP_VERDICT_UNDECIDED, HSP_VERDICT_CONFIRMED, HSP_VERDICT_REFUTED };
/// "confirmed", "refuted" or "undecided".
const char *hsp_verdict_name(enum hsp_verdict verdict);

/// What the claim predicts of a value.
enum hsp_expectation {
    HSP_EXPECT_NOTHING, ///< printed, and no part of the verdict
    HSP_EXPECT_ABOVE,
    HSP_EXPECT_BELOW,
    HSP_EXPECT_EQUAL, ///< all that was seen is the limit: for counts
};

/// One measured quantity.
struct hsp_claim_value {
    char name[72];
    char unit[12]; ///< "" for counts and shares
    double value;
    double low; ///< of the 95 % interval; of counts, the least and the greatest seen
    double high;
    uint32_t sample_count;
    enum hsp_expectation expectation;
    double limit; ///< unless HSP_EXPECT_NOTHING
    /// Confirmed: the whole interval is on the predicted side of the limit; refuted: on the other;
    /// undecided: it holds the limit, or nothing was predicted.
    enum hsp_verdict verdict;
};

#define HSP_CLAIM_VALUES_MAX 16

struct hsp_claim_result {
    enum hsp_verdict verdict;
    char sentence[320]; ///< the plain sentence; for undecided ones the reason
    size_t value_count;
    struct hsp_claim_value values[HSP_CLAIM_VALUES_MAX];
    double seconds; ///< that the experiment took
};

struct claim; /* claim.h */

/// A row of claims.def.
struct hsp_claim {
    const char *id;    ///< "H3"
    const char *topic; ///< "wait"
    const char *text;  ///< the claim, a sentence
    const char *mechanism;
    char class_letter; ///< 'U', 'K' or 'H'
    const char *confirms;
    const char *refutes;
    const char *when_confirmed; ///< the plain sentence for each outcome
    const char *when_refuted;
    const char *needs; ///< what deciding it takes; on a software GPU, why it can't
    void (*experiment)(struct claim *claim); ///< NULL: none here, `needs` says what it takes
    uint32_t limit_seconds;
};

/// All of claims.def; *out_count.
const struct hsp_claim *hsp_claims(size_t *out_count);
/// By id, in any case, or by topic; NULL when there is none.
const struct hsp_claim *hsp_claim_find(const char *name);

/// Where experiments run.
struct hsp_claim_setup {
    const char *kernel_directory; ///< of the bundles that come with the command
    const char *hip_library;      ///< path of libhsaprobe-hip.so; NULL: no HIP
    bool software;                ///< on the software GPU
    const void *software_address; ///< an address in its library; NULL on hardware
    bool control;                 ///< run the negative control
    bool quick;                   ///< fewer samples: for tests
};
/// Runs one claim's experiment and waits for it; at most its limit. Always fills *out_result.
/// SIGINT, SIGTERM and SIGHUP, unless they are ignored, end the experiment and take effect when
/// nothing of it is left.
void hsp_claim_run(const struct hsp_claim *claim, const struct hsp_claim_setup *setup,
                   struct hsp_claim_result *out_result);

#endif
