/* SPDX-License-Identifier: MIT */
/// 1,000 different kernels loaded one after the other, most at the address of the one before: each
/// runs its own code, not what was decoded at that address earlier.
#include "e2e.h"

#include <string.h>

enum { LOADS = 1000 };

int main(void) {
    static const unsigned char marker[] = {0x01, 0x00, 0xed, 0x5e}; // 0x5eed0001
    struct e2e e2e;
    e2e_open(&e2e);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    uint32_t *out = e2e_alloc(&e2e, e2e.host, 4096);
    uint32_t **args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    *args = out;

    size_t bytes;
    void *bundle = e2e_read_file(E2E_OWN_KERNELS "/store_literal.hipfb", &bytes);
    const void *entry = e2e_bundle_entry(&e2e, bundle, &bytes);
    unsigned char *elf = malloc(bytes);
    memcpy(elf, entry, bytes);
    unsigned char *literal = memmem(elf, bytes, marker, sizeof marker);
    CHECK(literal, "no literal 0x5eed0001 in the code");
    CHECK(!memmem(literal + 1, bytes - (size_t)(literal + 1 - elf), marker, sizeof marker),
          "two literals");

    uint64_t last_object = 0;
    int same_address = 0;
    const hsa_signal_t done = e2e_signal(1);
    for (uint32_t i = 0; i < LOADS; ++i) {
        const uint32_t value = 0x5eed0001u + i * 65537u;
        struct e2e_kernel kernel;
        memcpy(literal, &value, sizeof value);
        e2e_load(&e2e, elf, bytes, "store_literal", &kernel);
        hsa_signal_store_relaxed(done, 1);
        e2e_dispatch(queue, &kernel, 1, 1, args, done);
        e2e_wait(done);
        CHECK(*out == value, "load %u stored 0x%x, not 0x%x", i, *out, value);
        same_address += kernel.object == last_object;
        last_object = kernel.object;
        HSA(hsa_executable_destroy(kernel.executable));
    }
    CHECK(same_address > LOADS / 2, "only %d loads came to the same address: nothing was tested",
          same_address);
    e2e_close();
    return 0;
}
