/* SPDX-License-Identifier: MIT */
/// Variables of the device by name: copies to, from and between them, their addresses and sizes,
/// constants, initialised tables of functions, templates' statics, and globals of a loaded module.
#include "hip_cases.h"

#include <hip/hiprtc.h>
#include <string>

struct record {
    int8_t kind;
    double weight;
    int32_t next[3];
};

__device__ uint32_t words[100] = {1, 2, 3};
__device__ record records[4] = {{1, 0.5, {1, 2, 3}}, {2, 1.5, {4, 5, 6}}};
__constant__ float coefficients[8] = {1, 2, 4, 8, 16, 32, 64, 128};
__constant__ record constant_record = {7, 3.25, {-1, -2, -3}};
__device__ int scalar = -5;
__device__ double *pointer;
static __device__ uint8_t odd_bytes[37];

__global__ void read_all(double *out) {
    double sum = 0;
    for (int i = 0; i < 8; ++i) {
        sum += coefficients[i];
    }
    out[0] = sum;
    out[1] = constant_record.kind + constant_record.weight + constant_record.next[2];
    out[2] = records[1].kind + records[1].weight + records[1].next[1];
    out[3] = static_cast<double>(words[2]) + words[3] + scalar;
    scalar += 1;
    records[3].next[0] = 99;
}

__global__ void through_pointer(double value) {
    pointer[threadIdx.x] = value + threadIdx.x;
}

static void initial_values() {
    double *out = device_array<double>(4);
    read_all<<<1, 1>>>(out);
    const std::vector<double> seen = to_host(out, 4);
    CHECK(seen[0] == 255, "constants: %g", seen[0]);
    CHECK(seen[1] == 7 + 3.25 - 3, "record: %g", seen[1]);
    CHECK(seen[2] == 2 + 1.5 + 5, "records: %g", seen[2]);
    CHECK(seen[3] == 3 + 0 - 5, "words: %g", seen[3]);
    int now;
    record all[4];
    HIP(hipMemcpyFromSymbol(&now, HIP_SYMBOL(scalar), sizeof now));
    HIP(hipMemcpyFromSymbol(all, HIP_SYMBOL(records), sizeof all));
    CHECK(now == -4 && all[3].next[0] == 99 && all[0].weight == 0.5, "%d %d", now, all[3].next[0]);
    HIP(hipFree(out));
}

static void copies() {
    const float fresh[8] = {1, 1, 1, 1, 1, 1, 1, 3};
    double *out = device_array<double>(4);
    HIP(hipMemcpyToSymbol(HIP_SYMBOL(coefficients), fresh, sizeof fresh));
    HIP(hipMemcpyToSymbol(HIP_SYMBOL(coefficients), fresh + 7, 4, 8)); // the third
    read_all<<<1, 1>>>(out);
    CHECK(to_host(out, 1)[0] == 12, "%g", to_host(out, 1)[0]);

    hipStream_t stream;
    HIP(hipStreamCreate(&stream));
    const uint32_t values[3] = {70, 80, 90};
    uint32_t back[4];
    uint32_t *device = to_device(std::vector<uint32_t>{5, 6, 7});
    HIP(hipMemcpyToSymbolAsync(HIP_SYMBOL(words), values, sizeof values, 90 * 4,
                               hipMemcpyHostToDevice, stream));
    HIP(hipMemcpyToSymbolAsync(HIP_SYMBOL(words), device, 4, 93 * 4, hipMemcpyDeviceToDevice,
                               stream));
    HIP(hipMemcpyFromSymbolAsync(back, HIP_SYMBOL(words), sizeof back, 90 * 4,
                                 hipMemcpyDeviceToHost, stream));
    HIP(hipStreamSynchronize(stream));
    CHECK(back[0] == 70 && back[2] == 90 && back[3] == 5, "%u %u %u", back[0], back[2], back[3]);
    CHECK(hipMemcpyToSymbol(HIP_SYMBOL(words), values, 12, 98 * 4) != hipSuccess, "past the end");
    (void)hipGetLastError();
    HIP(hipStreamDestroy(stream));

    std::string text = "thirty-seven bytes of an odd length..", seen(37, ' ');
    HIP(hipMemcpyToSymbol(HIP_SYMBOL(odd_bytes), text.data(), 37));
    HIP(hipMemcpyFromSymbol(&seen[0], HIP_SYMBOL(odd_bytes), 37));
    CHECK(seen == text, "'%s'", seen.c_str());
    HIP(hipFree(out));
    HIP(hipFree(device));
}

static void addresses_and_sizes() {
    size_t bytes;
    void *address;
    HIP(hipGetSymbolSize(&bytes, HIP_SYMBOL(records)));
    CHECK(bytes == sizeof records, "%zu bytes", bytes);
    HIP(hipGetSymbolSize(&bytes, HIP_SYMBOL(odd_bytes)));
    CHECK(bytes == 37, "%zu bytes", bytes);
    HIP(hipGetSymbolAddress(&address, HIP_SYMBOL(words)));
    HIP(hipMemset(static_cast<uint32_t *>(address) + 50, 0xff, 8));
    uint32_t back[4];
    HIP(hipMemcpyFromSymbol(back, HIP_SYMBOL(words), sizeof back, 49 * 4));
    CHECK(back[0] == 0 && back[1] == ~0u && back[2] == ~0u && back[3] == 0, "%x %x", back[0],
          back[1]);
    int host_only = 0;
    CHECK(hipGetSymbolAddress(&address, &host_only) != hipSuccess, "not a symbol");
    (void)hipGetLastError();
}

static void pointers_in_symbols() {
    double *memory = device_array<double>(64);
    HIP(hipMemcpyToSymbol(HIP_SYMBOL(pointer), &memory, sizeof memory));
    through_pointer<<<1, 64>>>(0.5);
    CHECK(to_host(memory, 64)[63] == 63.5, "%g", to_host(memory, 64)[63]);
    HIP(hipFree(memory));
}

static const char module_source[] = R"(
extern "C" {
__device__ int counter = 41;
__constant__ float scale[4];
__device__ unsigned char table[5] = {9, 8, 7, 6, 5};
__global__ void use(float *out) {
    counter += 1;
    for (int i = 0; i < 4; ++i) {
        out[i] = scale[i] * table[i] + counter;
    }
}
}
)";

static void globals_of_a_module() {
    hiprtcProgram program;
    CHECK(!hiprtcCreateProgram(&program, module_source, "globals.hip", 0, nullptr, nullptr), "");
    hipDeviceProp_t properties;
    HIP(hipGetDeviceProperties(&properties, 0));
    const std::string arch = std::string("--offload-arch=") + properties.gcnArchName;
    const char *options[] = {arch.c_str()};
    CHECK(!hiprtcCompileProgram(program, 1, options), "%s", arch.c_str());
    size_t bytes;
    CHECK(!hiprtcGetCodeSize(program, &bytes), "");
    std::vector<char> code(bytes);
    CHECK(!hiprtcGetCode(program, code.data()), "");
    CHECK(!hiprtcDestroyProgram(&program), "");

    float *out = device_array<float>(4);
    hipModule_t modules[2];
    for (hipModule_t &module : modules) { // each has its own variables
        hipFunction_t use;
        hipDeviceptr_t counter, scale, table;
        HIP(hipModuleLoadData(&module, code.data()));
        HIP(hipModuleGetFunction(&use, module, "use"));
        HIP(hipModuleGetGlobal(&counter, &bytes, module, "counter"));
        CHECK(bytes == 4, "%zu bytes", bytes);
        HIP(hipModuleGetGlobal(&scale, &bytes, module, "scale"));
        CHECK(bytes == 16, "%zu bytes", bytes);
        HIP(hipModuleGetGlobal(&table, &bytes, module, "table"));
        CHECK(bytes == 5, "%zu bytes", bytes);
        const float values[4] = {1, 10, 100, 1000};
        HIP(hipMemcpyHtoD(scale, const_cast<float *>(values), 16));
        void *arguments[] = {&out};
        HIP(hipModuleLaunchKernel(use, 1, 1, 1, 1, 1, 1, 0, nullptr, arguments, nullptr));
        const std::vector<float> seen = to_host(out, 4);
        CHECK(seen[0] == 51 && seen[1] == 122 && seen[3] == 6042, "%g %g %g", seen[0], seen[1],
              seen[3]);
        int now;
        HIP(hipMemcpyDtoH(&now, counter, 4));
        CHECK(now == 42, "counter %d", now);
        CHECK(hipModuleGetGlobal(&counter, &bytes, module, "absent") == hipErrorNotFound, "absent");
        (void)hipGetLastError();
    }
    HIP(hipModuleUnload(modules[0]));
    HIP(hipModuleUnload(modules[1]));
    HIP(hipFree(out));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"initial_values", initial_values},           {"copies", copies},
        {"addresses_and_sizes", addresses_and_sizes}, {"pointers_in_symbols", pointers_in_symbols},
        {"globals_of_a_module", globals_of_a_module},
    };
    return run_cases(cases, argc, argv);
}
