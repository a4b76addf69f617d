/* SPDX-License-Identifier: MIT */
// An image is loaded if its ISA fits, gives kernels and nothing else, and outlives its file.
#include "live.h"

#include "fixture.h"

int main(void) {
    const struct hsp_agent *gpu = live_gpu();
    const char *isa = hsp_agent_isa_name(gpu, 0);
    struct hsp_code_object *object = NULL;
    struct hsp_executable *executable = NULL;

    OK(hsp_code_object_open_file(fixture_path("kernels-v4-gfx906.o"), &object));
    if (!hsp_isa_compatible("amdgcn-amd-amdhsa--gfx906", isa))
        FAILS(hsp_executable_create(object, 0, gpu, &executable), HSP_ERROR_ISA_MISMATCH,
              "is for amdgcn-amd-amdhsa--gfx906, the agent is amdgcn");
    FAILS(hsp_executable_create(object, 1, gpu, &executable), HSP_ERROR_INVALID_ARGUMENT,
          "no image 1");
    CHECK(!executable);
    hsp_code_object_close(object);

    struct live_kernel reduce = live_load(gpu, "reduce");
    CHECK(reduce.code.kernel_object != 0 && reduce.code.kernel_object % 64 == 0);
    CHECK(reduce.code.kernarg_bytes == reduce.kernel->kernarg_bytes);
    CHECK(reduce.code.group_bytes == 4096 && reduce.kernel->group_bytes == 4096);
    CHECK(hsp_executable_agent(reduce.executable) == gpu);
    uint64_t base = 0, size = 0;
    OK(hsp_executable_range(reduce.executable, &base, &size));
    CHECK(reduce.code.kernel_object >= base && reduce.code.kernel_object - base < size);
    const struct hsp_kernel stranger = {.name = "stranger", .symbol = "stranger.kd"};
    struct hsp_kernel_code code;
    FAILS(hsp_executable_kernel(reduce.executable, &stranger, &code), HSP_ERROR_NOT_FOUND,
          "has no kernel 'stranger.kd'");
    uint64_t address;
    uint32_t bytes;
    FAILS(hsp_executable_variable(reduce.executable, "nothing", &address, &bytes),
          HSP_ERROR_NOT_FOUND, "has no variable 'nothing'");
    hsp_code_object_close(reduce.object);
    reduce.object = NULL;
    hsp_executable_destroy(reduce.executable);
    hsp_runtime_shutdown();
    return 0;
}
