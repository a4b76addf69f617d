/* SPDX-License-Identifier: MIT */
/* The whole kernels of the software GPU's benchmark on its peers: an OpenCL implementation for the
 * processor (PoCL) and plain loops. tools/bench-softgpu-vs-native compiles and runs it:
 *   peers ROUNDS: prints "name peer milliseconds" for each sample, of the process's processor time.
 * All run on one thread; the caller sees to that for PoCL. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VECTOR = 1 << 20, MATRIX = 256, GROUP = 256 };

static const char source[] =
    "kernel void vector_add(global const float *a, global const float *b, global float *c,"
    "                       uint n) {"
    "    uint i = get_global_id(0);"
    "    if (i < n) c[i] = a[i] + b[i];"
    "}"
    "kernel void reduce_float(global const float *a, global const float *b, global float *c,"
    "                         uint n) {"
    "    local float partial[256];"
    "    uint lane = get_local_id(0), i = get_global_id(0);"
    "    partial[lane] = i < n ? a[i] : 0;"
    "    barrier(CLK_LOCAL_MEM_FENCE);"
    "    for (uint far = get_local_size(0) / 2; far > 0; far /= 2) {"
    "        if (lane < far) partial[lane] += partial[lane + far];"
    "        barrier(CLK_LOCAL_MEM_FENCE);"
    "    }"
    "    if (lane == 0) c[get_group_id(0)] = partial[0];"
    "}"
    "kernel void matmul(global const float *a, global const float *b, global float *c, uint n) {"
    "    uint x = get_global_id(0), y = get_global_id(1);"
    "    float sum = 0;"
    "    for (uint k = 0; k < n; k++) sum += a[y * n + k] * b[k * n + x];"
    "    c[y * n + x] = sum;"
    "}";

static void native_vector_add(const float *restrict a, const float *restrict b, float *restrict c) {
    for (size_t i = 0; i < VECTOR; i++)
        c[i] = a[i] + b[i];
}

static void native_reduce_float(const float *restrict a, const float *restrict b,
                                float *restrict c) {
    (void)b;
    for (size_t group = 0; group < VECTOR / GROUP; group++) {
        float sum = 0;
        for (size_t i = 0; i < GROUP; i++)
            sum += a[group * GROUP + i];
        c[group] = sum;
    }
}

static void native_matmul(const float *restrict a, const float *restrict b, float *restrict c) {
    for (size_t y = 0; y < MATRIX; y++)
        for (size_t x = 0; x < MATRIX; x++) {
            float sum = 0;
            for (size_t k = 0; k < MATRIX; k++)
                sum += a[y * MATRIX + k] * b[k * MATRIX + x];
            c[y * MATRIX + x] = sum;
        }
}

static const struct {
    const char *name;
    void (*native)(const float *, const float *, float *);
    cl_uint n;
    cl_uint dimensions;
    size_t global[2];
    size_t local[2];
} rows[] = {
    {"vector_add", native_vector_add, VECTOR, 1, {VECTOR, 1}, {GROUP, 1}},
    {"reduce_float", native_reduce_float, VECTOR, 1, {VECTOR, 1}, {GROUP, 1}},
    {"matmul", native_matmul, MATRIX, 2, {MATRIX, MATRIX}, {16, 16}},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static void check(cl_int error, const char *what) {
    if (error != CL_SUCCESS) {
        fprintf(stderr, "peers: %s: error %d\n", what, (int)error);
        exit(1);
    }
}

static double process_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static cl_device_id cpu_device(void) {
    cl_platform_id platforms[8];
    cl_uint count = 0;
    cl_device_id device;
    check(clGetPlatformIDs(8, platforms, &count), "clGetPlatformIDs");
    for (cl_uint i = 0; i < count; i++)
        if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_CPU, 1, &device, NULL) == CL_SUCCESS)
            return device;
    check(CL_DEVICE_NOT_FOUND, "no OpenCL implementation for the processor");
    return NULL;
}

static void sample(cl_command_queue queue, cl_kernel kernel, size_t row) {
    const double start = process_ms();
    check(clEnqueueNDRangeKernel(queue, kernel, rows[row].dimensions, NULL, rows[row].global,
                                 rows[row].local, 0, NULL, NULL),
          "clEnqueueNDRangeKernel");
    check(clFinish(queue), "clFinish");
    printf("%s pocl %.4f\n", rows[row].name, process_ms() - start);
}

static void sample_native(float *const *data, size_t row) {
    const double start = process_ms();
    rows[row].native(data[0], data[1], data[2]);
    printf("%s native %.4f\n", rows[row].name, process_ms() - start);
}

int main(int argc, char **argv) {
    const int rounds = argc == 2 ? atoi(argv[1]) : 0;
    if (rounds < 1)
        return fprintf(stderr, "usage: peers ROUNDS\n"), 2;
    cl_int error;
    cl_device_id device = cpu_device();
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, &error);
    check(error, "clCreateContext");
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, &error);
    check(error, "clCreateCommandQueue");
    const char *text = source;
    cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, &error);
    check(error, "clCreateProgramWithSource");
    error = clBuildProgram(program, 1, &device, "", NULL, NULL);
    if (error != CL_SUCCESS) {
        char log[8192] = "";
        clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
        fprintf(stderr, "%s\n", log);
    }
    check(error, "clBuildProgram");
    float *data[3];
    cl_mem memory[3];
    for (int i = 0; i < 3; i++) {
        data[i] = aligned_alloc(4096, VECTOR * sizeof **data);
        for (size_t k = 0; k < VECTOR; k++)
            data[i][k] = (float)(k % 61) * 0.25f;
        memory[i] =
            clCreateBuffer(context, CL_MEM_USE_HOST_PTR, VECTOR * sizeof **data, data[i], &error);
        check(error, "clCreateBuffer");
    }
    cl_kernel kernels[ROW_COUNT];
    for (size_t row = 0; row < ROW_COUNT; row++) {
        kernels[row] = clCreateKernel(program, rows[row].name, &error);
        check(error, "clCreateKernel");
        for (cl_uint i = 0; i < 3; i++)
            check(clSetKernelArg(kernels[row], i, sizeof *memory, &memory[i]), "clSetKernelArg");
        check(clSetKernelArg(kernels[row], 3, sizeof rows[row].n, &rows[row].n), "clSetKernelArg");
        check(clEnqueueNDRangeKernel(queue, kernels[row], rows[row].dimensions, NULL,
                                     rows[row].global, rows[row].local, 0, NULL, NULL),
              "compilation"); /* PoCL compiles at the first launch */
        check(clFinish(queue), "clFinish");
    }
    for (int round = 0; round < rounds; round++)
        for (size_t row = 0; row < ROW_COUNT; row++) {
            sample(queue, kernels[row], row);
            sample_native(data, row);
        }
    return 0;
}
