// SPDX-License-Identifier: MIT
/// serve(request, reply, data, count): stays on the device and works whenever it is asked to: adds
/// 1 to each element for every new request.
///
/// | argument | type       | meaning                                                          |
/// |----------|------------|------------------------------------------------------------------|
/// | request  | int64_t *  | number of the request wanted; a negative one ends the kernel     |
/// | reply    | int64_t *  | receives the number of the request last served; 0 at first       |
/// | data     | uint32_t * | count elements                                                   |
/// | count    | uint32_t   | elements                                                         |
///
/// One work-group of any size. Request and reply are read and written with system scope: values of
/// signals, or any memory that host and device share. A request must differ from the one before and
/// mustn't be made before that one's reply.
#include <hip/hip_runtime.h>
#include <stdint.h>

extern "C" __global__ void serve(const int64_t *request, int64_t *reply, uint32_t *data,
                                 uint32_t count) {
    int64_t served = 0;
    for (;;) {
        int64_t wanted;
        while ((wanted = __hip_atomic_load(request, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM)) ==
               served) {
            __builtin_amdgcn_s_sleep(1);
        }
        if (wanted < 0) {
            break;
        }
        for (uint32_t i = threadIdx.x; i < count; i += blockDim.x) {
            data[i] += 1;
        }
        __threadfence_system();
        __syncthreads();
        if (threadIdx.x == 0) {
            __hip_atomic_store(reply, wanted, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
        }
        served = wanted;
    }
}
