/* SPDX-License-Identifier: MIT */
/// Rows that compare our definition of a layout with somebody else's header.
#ifndef ABI_TEST_FIELD_H
#define ABI_TEST_FIELD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/// A field's place and size, a struct's size, or a constant, on both sides.
struct field {
    const char *name;
    uint64_t our_offset, our_bytes;
    uint64_t their_offset, their_bytes;
};

#define FIELD(ours, our_field, theirs, their_field)                                                \
    {                                                                                              \
#        ours "." #        our_field, offsetof(struct ours, our_field),                            \
            sizeof(((struct ours *)0)->our_field), offsetof(theirs, their_field),                  \
            sizeof(((theirs *)0)->their_field)                                                     \
    }
/// The same name on both sides.
#define SAME(ours, theirs, field) FIELD(ours, field, theirs, field)
#define SIZE(ours, theirs)                                                                         \
    { "sizeof " #ours, 0, sizeof(struct ours), 0, sizeof(theirs) }
#define VALUE(ours, theirs)                                                                        \
    { #ours, (uint64_t)(ours), 0, (uint64_t)(theirs), 0 }

static inline void compare_fields(const struct field *fields, size_t count) {
    int different = 0;
    for (size_t i = 0; i < count; ++i) {
        const struct field *f = fields + i;
        if (f->our_offset == f->their_offset && f->our_bytes == f->their_bytes) {
            continue;
        }
        fprintf(stderr, "%s: ours %lu (%lu bytes), theirs %lu (%lu bytes)\n", f->name,
                f->our_offset, f->our_bytes, f->their_offset, f->their_bytes);
        ++different;
    }
    assert_int_equal(different, 0);
}

#endif
