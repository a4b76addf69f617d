/* SPDX-License-Identifier: MIT */
/// Code objects that the build made for these tests, and bundles made of them.
#ifndef TESTS_PROBE_FIXTURE_H
#define TESTS_PROBE_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

struct fixture_bytes {
    unsigned char *data; ///< from malloc
    size_t size;
};

/// Whole file of the build's fixture folder, e.g. "kernels-v5.o"; ends the program if unreadable.
struct fixture_bytes fixture_read(const char *name);
/// Path of such a file; static storage.
const char *fixture_path(const char *name);

struct fixture_entry {
    const char *id;
    struct fixture_bytes bytes;
};
/// An uncompressed offload bundle of these entries, each aligned to `align`.
struct fixture_bytes fixture_bundle(const struct fixture_entry *entries, size_t count,
                                    size_t align);
/// `first`, zeros up to a multiple of `align`, `second`.
struct fixture_bytes fixture_concat(struct fixture_bytes first, struct fixture_bytes second,
                                    size_t align);

#endif
