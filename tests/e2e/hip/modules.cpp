/* SPDX-License-Identifier: MIT */
/// Modules compiled at run time by hiprtc: names, options, headers, errors; several modules with
/// the same names, their globals, launches with either form of arguments, unloading while others
/// run.
#include "hip_cases.h"

#include <algorithm>
#include <hip/hiprtc.h>
#include <string>

#define RTC(call)                                                                                  \
    do {                                                                                           \
        hiprtcResult rtc_result_ = (call);                                                         \
        CHECK(rtc_result_ == HIPRTC_SUCCESS, "%s returned %s", #call,                              \
              hiprtcGetErrorString(rtc_result_));                                                  \
    } while (0)

static std::string log_of(hiprtcProgram program) {
    size_t size = 0;
    RTC(hiprtcGetProgramLogSize(program, &size));
    std::string text(size, ' ');
    if (size > 0) {
        RTC(hiprtcGetProgramLog(program, &text[0]));
    }
    return text;
}

static std::vector<char> code_of(hiprtcProgram program) {
    size_t size = 0;
    RTC(hiprtcGetCodeSize(program, &size));
    std::vector<char> code(size);
    RTC(hiprtcGetCode(program, code.data()));
    return code;
}

static std::vector<char> compile(const std::string &source,
                                 std::vector<const char *> options = {}) {
    hiprtcProgram program;
    RTC(hiprtcCreateProgram(&program, source.c_str(), "source.hip", 0, nullptr, nullptr));
    hipDeviceProp_t properties;
    HIP(hipGetDeviceProperties(&properties, 0));
    const std::string arch = std::string("--gpu-architecture=") + properties.gcnArchName;
    options.push_back(arch.c_str());
    const hiprtcResult result =
        hiprtcCompileProgram(program, static_cast<int>(options.size()), options.data());
    CHECK(result == HIPRTC_SUCCESS, "%s", log_of(program).c_str());
    std::vector<char> code = code_of(program);
    RTC(hiprtcDestroyProgram(&program));
    return code;
}

static hipModule_t load(const std::vector<char> &code) {
    hipModule_t module;
    HIP(hipModuleLoadData(&module, code.data()));
    return module;
}

static hipFunction_t function_of(hipModule_t module, const char *name) {
    hipFunction_t function;
    HIP(hipModuleGetFunction(&function, module, name));
    return function;
}

struct out_only {
    uint32_t *out;
};

/// One block of 64 that gets a pointer, by HIP_LAUNCH_PARAM_BUFFER.
static void launch(hipFunction_t function, uint32_t *out, hipStream_t stream = nullptr) {
    out_only arguments = {out};
    size_t size = sizeof arguments;
    void *extra[] = {HIP_LAUNCH_PARAM_BUFFER_POINTER, &arguments, HIP_LAUNCH_PARAM_BUFFER_SIZE,
                     &size, HIP_LAUNCH_PARAM_END};
    HIP(hipModuleLaunchKernel(function, 1, 1, 1, 64, 1, 1, 0, stream, nullptr, extra));
}

/// The same kernel and global in each of several modules: each module has its own.
static void several() {
    const uint32_t count = 3;
    hipModule_t modules[count];
    uint32_t *out = device_array<uint32_t>(64);
    for (uint32_t m = 0; m < count; ++m) {
        const std::string define = "-DFACTOR=" + std::to_string(m + 2);
        modules[m] = load(compile("__device__ unsigned base = FACTOR * 1000;\n"
                                  "extern \"C\" __global__ void scale(unsigned *out) {\n"
                                  "    out[threadIdx.x] = threadIdx.x * FACTOR + base;\n}\n",
                                  {define.c_str(), "-O3"}));
    }
    for (uint32_t round = 0; round < 2; ++round) {
        for (uint32_t m = 0; m < count; ++m) {
            launch(function_of(modules[m], "scale"), out);
            const std::vector<uint32_t> seen = to_host(out, 64);
            const uint32_t base = round ? m + 7 : (m + 2) * 1000;
            CHECK(seen[63] == 63 * (m + 2) + base, "module %u: %u", m, seen[63]);
            hipDeviceptr_t global;
            size_t bytes;
            HIP(hipModuleGetGlobal(&global, &bytes, modules[m], "base"));
            CHECK(bytes == 4, "%zu bytes", bytes);
            HIP(hipMemsetD32(global, static_cast<int>(m + 7), 1));
            CHECK(hipModuleGetGlobal(&global, &bytes, modules[m], "bases") == hipErrorNotFound,
                  "found bases");
        }
    }
    (void)hipGetLastError();
    for (hipModule_t module : modules) {
        HIP(hipModuleUnload(module));
    }
    HIP(hipFree(out));
}

/// Load, run and unload again and again, with other code each time at what may be the same address,
/// while another module's kernel runs.
static void unload_while_others_run() {
    hipStream_t busy;
    uint32_t *flag = shared_array<uint32_t>(1), *out = device_array<uint32_t>(64);
    HIP(hipStreamCreateWithFlags(&busy, hipStreamNonBlocking));
    const hipModule_t waiting =
        load(compile("extern \"C\" __global__ void wait_for(unsigned *flag) {\n"
                     "    while (threadIdx.x == 0 && !__atomic_load_n(flag, __ATOMIC_ACQUIRE)) {}\n"
                     "}\n"));
    std::vector<char> codes[2];
    for (int c = 0; c < 2; ++c) {
        codes[c] = compile("extern \"C\" __global__ void put(unsigned *out) {\n"
                           "    out[threadIdx.x] = threadIdx.x " +
                           std::string(1, "+*"[c]) + " 3;\n}\n");
    }
    if (streams_are_independent()) {
        launch(function_of(waiting, "wait_for"), flag, busy);
    }
    for (uint32_t round = 0; round < 12; ++round) {
        hipStream_t stream;
        HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
        const hipModule_t module = load(codes[round % 2]);
        launch(function_of(module, "put"), out, stream);
        HIP(hipStreamSynchronize(stream));
        uint32_t seen[64];
        HIP(hipMemcpyAsync(seen, out, sizeof seen, hipMemcpyDeviceToHost, stream));
        HIP(hipStreamSynchronize(stream));
        const uint32_t expected[] = {63 + 3, 63 * 3};
        CHECK(seen[63] == expected[round % 2], "round %u: %u", round, seen[63]);
        HIP(hipModuleUnload(module));
        HIP(hipStreamDestroy(stream));
    }
    __atomic_store_n(flag, 1u, __ATOMIC_RELEASE);
    HIP(hipStreamSynchronize(busy));
    HIP(hipModuleUnload(waiting));
    HIP(hipStreamDestroy(busy));
    HIP(hipFree(out));
}

static void name_expressions() {
    hiprtcProgram program;
    const char *source = "template <typename T, int N> __global__ void fill(unsigned *out) {\n"
                         "    out[threadIdx.x] = sizeof(T) * N + threadIdx.x;\n}\n";
    const char *names[] = {"fill<double, 5>", "fill<char, 7>"};
    RTC(hiprtcCreateProgram(&program, source, nullptr, 0, nullptr, nullptr));
    for (const char *name : names) {
        RTC(hiprtcAddNameExpression(program, name));
    }
    RTC(hiprtcCompileProgram(program, 0, nullptr));
    const hipModule_t module = load(code_of(program));
    uint32_t *out = device_array<uint32_t>(64);
    for (int n = 0; n < 2; ++n) {
        const char *lowered = nullptr;
        RTC(hiprtcGetLoweredName(program, names[n], &lowered));
        launch(function_of(module, lowered), out);
        CHECK(to_host(out, 64)[1] == (n ? 8u : 41u), "%s: %u", lowered, to_host(out, 64)[1]);
    }
    RTC(hiprtcDestroyProgram(&program));
    HIP(hipModuleUnload(module));
    HIP(hipFree(out));
}

static void headers() {
    hiprtcProgram program;
    const char *header =
        "#define ANSWER 42\n__device__ inline int twice(int x) { return 2 * x; }\n";
    const char *header_name = "answer.h";
    RTC(hiprtcCreateProgram(&program,
                            "#include \"answer.h\"\n"
                            "extern \"C\" __global__ void put(unsigned *out) {\n"
                            "    out[threadIdx.x] = twice(ANSWER) + threadIdx.x;\n}\n",
                            "with_header.hip", 1, &header, &header_name));
    RTC(hiprtcCompileProgram(program, 0, nullptr));
    const hipModule_t module = load(code_of(program));
    uint32_t *out = device_array<uint32_t>(64);
    launch(function_of(module, "put"), out);
    CHECK(to_host(out, 64)[2] == 86, "%u", to_host(out, 64)[2]);
    RTC(hiprtcDestroyProgram(&program));
    HIP(hipModuleUnload(module));
    HIP(hipFree(out));
}

static void compile_errors() {
    hiprtcProgram program;
    RTC(hiprtcCreateProgram(&program, "__global__ void bad() { nothing_of_this_name(); }",
                            "wrong.hip", 0, nullptr, nullptr));
    CHECK(hiprtcCompileProgram(program, 0, nullptr) == HIPRTC_ERROR_COMPILATION, "compiled");
    const std::string text = log_of(program);
    CHECK(text.find("nothing_of_this_name") != std::string::npos, "the log: %s", text.c_str());
    RTC(hiprtcDestroyProgram(&program));
    CHECK(strlen(hiprtcGetErrorString(HIPRTC_ERROR_COMPILATION)) > 0, "no text");
    hipModule_t module;
    const char nonsense[256] = "this is no code object";
    CHECK(hipModuleLoadData(&module, nonsense) != hipSuccess, "loaded nonsense");
    CHECK(hipModuleLoad(&module, "/nonexistent/file") == hipErrorFileNotFound, "loaded nothing");
    (void)hipGetLastError();
}

/// From a file, from memory with and without options; occupancy and attributes of a function.
static void ways_to_load() {
    hipModule_t modules[3];
    FILE *file = fopen(E2E_KERNELS "/saxpy.hipfb", "rb");
    CHECK(file, "saxpy.hipfb");
    std::vector<char> bundle(1 << 20);
    bundle.resize(fread(bundle.data(), 1, bundle.size(), file));
    fclose(file);
    HIP(hipModuleLoad(&modules[0], E2E_KERNELS "/saxpy.hipfb"));
    HIP(hipModuleLoadData(&modules[1], bundle.data()));
    HIP(hipModuleLoadDataEx(&modules[2], bundle.data(), 0, nullptr, nullptr));
    const uint32_t count = 1000;
    const std::vector<float> x(count, 3.0f);
    float a = 2, *device_x = to_device(x), *device_y = to_device(x);
    uint32_t n = count;
    void *arguments[] = {&a, &device_x, &device_y, &n};
    for (int m = 0; m < 3; ++m) {
        const hipFunction_t saxpy = function_of(modules[m], "saxpy");
        int threads = 0, blocks = 0, grid = 0, block = 0;
        HIP(hipFuncGetAttribute(&threads, HIP_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, saxpy));
        CHECK(threads >= 256 && threads <= 1024, "%d threads", threads);
        HIP(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, saxpy, 256, 0));
        CHECK(blocks >= 1 && blocks <= 32, "%d blocks", blocks);
        HIP(hipModuleOccupancyMaxPotentialBlockSize(&grid, &block, saxpy, 0, 0));
        CHECK(grid >= 1 && block >= 64 && block <= 1024, "%d x %d", grid, block);
        HIP(hipModuleLaunchKernel(saxpy, 16, 1, 1, 64, 1, 1, 0, nullptr, arguments, nullptr));
        const float expected = 3.0f + static_cast<float>(m + 1) * 6.0f;
        const std::vector<float> seen = to_host(device_y, count);
        CHECK(std::count(seen.begin(), seen.end(), expected) == count, "%g", seen[0]);
    }
    for (hipModule_t module : modules) {
        HIP(hipModuleUnload(module));
    }
    HIP(hipFree(device_x));
    HIP(hipFree(device_y));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"ways_to_load", ways_to_load},
        {"several", several},
        {"unload_while_others_run", unload_while_others_run},
        {"name_expressions", name_expressions},
        {"headers", headers},
        {"compile_errors", compile_errors},
    };
    return run_cases(cases, argc, argv);
}
