/* SPDX-License-Identifier: MIT */
// A library that needs HIP and is loaded late, as a Python extension would be: it calls HIP in its
// constructor already.
typedef int hip_error;
hip_error hipGetDeviceCount(int *count);
hip_error hipGetDevice(int *device);

static int count_seen;

__attribute__((constructor)) static void load(void) {
    hipGetDeviceCount(&count_seen);
}

__attribute__((visibility("default"))) int extension_call(long count) {
    int device = 0;
    hip_error error = 0;
    for (long i = 0; i < count; i++)
        error |= hipGetDevice(&device);
    return error || count_seen < 1;
}
