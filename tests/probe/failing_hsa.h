/* SPDX-License-Identifier: MIT */
/// How a test steers failing_hsa.c: found by dlsym.
#ifndef TESTS_PROBE_FAILING_HSA_H
#define TESTS_PROBE_FAILING_HSA_H

struct failing_hsa {
    unsigned left;      ///< the call that makes this 0 fails; 0: none will
    const char *failed; ///< its name; NULL as long as none did
    long balance;       ///< objects made, less those given back
};

#endif
