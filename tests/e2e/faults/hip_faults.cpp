/* SPDX-License-Identifier: MIT */
/* A HIP program that does what its argument says; hip_faults.sh looks at how it ends. */
#include <cstdio>
#include <cstring>
#include <hip/hip_runtime.h>
#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <sys/mman.h>

__global__ void store(unsigned *where) {
    where[threadIdx.x] = 1;
}
__global__ void trap() {
    __builtin_trap();
}
__global__ void illegal() {
    asm volatile(".long 0x7e01fe00");
}
__global__ void forever(volatile unsigned *flag) {
    while (*flag == 0) {
    }
}

__global__ void misaligned(unsigned *memory) {
    atomicAdd((unsigned *)((char *)memory + 2), 1u);
}
/// Through a pointer that doesn't say that it is one to LDS; its aperture ends at 64 KiB.
__global__ void out_of_lds(unsigned *memory) {
    __shared__ unsigned tile[64];
    tile[threadIdx.x] = threadIdx.x;
    unsigned *generic = tile;
    asm volatile("" : "+v"(generic));
    ((volatile unsigned *)generic)[threadIdx.x + (1 << 18)] = 1;
    memory[threadIdx.x] = tile[threadIdx.x];
}
__device__ unsigned deepen(unsigned depth) {
    volatile unsigned room[256];
    room[depth & 255] = depth;
    return depth ? deepen(depth - 1) + room[depth & 255] : 0;
}
__global__ void out_of_scratch(unsigned *memory) {
    memory[threadIdx.x] = deepen(100000);
}
__global__ void aborts() {
    abort();
}

static hsa_status_t take_gpu(hsa_agent_t agent, void *gpu) {
    hsa_device_type_t type;
    (void)hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type);
    if (type == HSA_DEVICE_TYPE_GPU)
        *(hsa_agent_t *)gpu = agent;
    return HSA_STATUS_SUCCESS;
}

/// HIP 5.2 has no word for memory that a GPU may only read; HSA below it has.
static unsigned *read_only_memory() {
    hsa_agent_t gpu = {};
    void *memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)hsa_iterate_agents(take_gpu, &gpu);
    hsa_amd_svm_attribute_pair_t attributes[] = {
        {HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE_IN_PLACE, gpu.handle},
        {HSA_AMD_SVM_ATTRIB_READ_ONLY, 1},
    };
    if (hsa_amd_svm_attributes_set(memory, 4096, attributes, 2) != HSA_STATUS_SUCCESS)
        puts("no read-only memory");
    return static_cast<unsigned *>(memory);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    unsigned *memory = nullptr;
    if (hipMalloc(&memory, 4096) != hipSuccess)
        return 77;
    (void)hipMemset(memory, 0, 4096);
    if (strcmp(what, "null") == 0)
        store<<<1, 64>>>(nullptr);
    else if (strcmp(what, "read_only") == 0)
        store<<<1, 64>>>(read_only_memory());
    else if (strcmp(what, "misaligned") == 0)
        misaligned<<<1, 64>>>(memory);
    else if (strcmp(what, "out_of_lds") == 0)
        out_of_lds<<<1, 64>>>(memory);
    else if (strcmp(what, "out_of_scratch") == 0)
        out_of_scratch<<<1, 64>>>(memory);
    else if (strcmp(what, "aborts") == 0)
        aborts<<<1, 64>>>();
    else if (strcmp(what, "trap") == 0)
        trap<<<1, 64>>>();
    else if (strcmp(what, "illegal") == 0)
        illegal<<<1, 64>>>();
    else if (strcmp(what, "forever") == 0) {
        forever<<<1, 64>>>(memory);
        puts("spinning");
        fflush(stdout);
    } else
        return 2;
    (void)hipDeviceSynchronize();
    puts("went on");
    return 0;
}
