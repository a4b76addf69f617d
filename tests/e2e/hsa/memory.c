/* SPDX-License-Identifier: MIT */
/// Memory as HSA knows it: fills, rectangular copies in every direction, locked host memory and its
/// offsets, what a pointer is, notice of its end, SVM attributes and prefetch, migration, access.
#include "e2e.h"

#include <string.h>
#include <sys/mman.h>

static struct e2e e2e;
static hsa_queue_t *queue;

static void fills(void) {
    static const size_t counts[] = {1, 3, 16, 1023, 65537};
    enum { DWORDS = 70000 };
    uint32_t *host = e2e_alloc(&e2e, e2e.host, DWORDS * 4);
    uint32_t *device = e2e_alloc(&e2e, e2e.device, DWORDS * 4);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; ++i) {
        const uint32_t value = 0x01020304u * (uint32_t)(i + 1);
        memset(host, 0, DWORDS * 4);
        HSA(hsa_memory_copy(device, host, DWORDS * 4));
        HSA(hsa_amd_memory_fill(device + 5, value, counts[i]));
        HSA(hsa_memory_copy(host, device, DWORDS * 4));
        for (size_t at = 0; at < DWORDS; ++at) {
            CHECK(host[at] == (at >= 5 && at < 5 + counts[i] ? value : 0), "%zu of %zu: %x", at,
                  counts[i], host[at]);
        }
        HSA(hsa_amd_memory_fill(host, ~value, counts[i]));
        CHECK(host[0] == ~value && host[counts[i] - 1] == ~value);
    }
    CHECK(hsa_amd_memory_fill(NULL, 0, 4) == HSA_STATUS_ERROR_INVALID_ARGUMENT);
    HSA(hsa_amd_memory_pool_free(host));
    HSA(hsa_amd_memory_pool_free(device));
}

struct rect {
    size_t pitch, slice; ///< bytes
    hsa_dim3_t offset;
};

static size_t at(const struct rect *rect, uint32_t x, uint32_t y, uint32_t z) {
    return (rect->offset.z + z) * rect->slice + (rect->offset.y + y) * rect->pitch +
           rect->offset.x + x;
}

/// Copies a box and compares all of the target with what a loop makes of it.
static void copy_rect(const struct rect *to, const struct rect *from, hsa_dim3_t range, int to_gpu,
                      int from_gpu) {
    enum { BYTES = 1 << 18 };
    static unsigned char want[BYTES];
    unsigned char *host = e2e_alloc(&e2e, e2e.host, 2 * BYTES);
    unsigned char *device = e2e_alloc(&e2e, e2e.device, 2 * BYTES);
    unsigned char *source = from_gpu ? device : host, *target = (to_gpu ? device : host) + BYTES;
    for (size_t i = 0; i < BYTES; ++i) {
        host[i] = (unsigned char)(i * 7 + (i >> 8));
        host[BYTES + i] = want[i] = 0xee;
    }
    HSA(hsa_memory_copy(device, host, 2 * BYTES));
    for (uint32_t z = 0; z < range.z; ++z) {
        for (uint32_t y = 0; y < range.y; ++y) {
            for (uint32_t x = 0; x < range.x; ++x) {
                want[at(to, x, y, z)] = host[at(from, x, y, z)];
            }
        }
    }
    const hsa_pitched_ptr_t to_pitched = {target, to->pitch, to->slice};
    const hsa_pitched_ptr_t from_pitched = {source, from->pitch, from->slice};
    const hsa_signal_t gate = e2e_signal(1), done = e2e_signal(1);
    const hsa_amd_copy_direction_t direction =
        to_gpu ? from_gpu ? hsaDeviceToDevice : hsaHostToDevice : hsaDeviceToHost;
    const hsa_status_t status =
        hsa_amd_memory_async_copy_rect(&to_pitched, &to->offset, &from_pitched, &from->offset,
                                       &range, e2e.gpu, direction, 1, &gate, done);
    const char *sdma = getenv("HSA_ENABLE_SDMA");
    if (sdma && strcmp(sdma, "0") == 0) {
        CHECK(status != HSA_STATUS_SUCCESS, "without SDMA there are no rectangular copies");
    } else {
        CHECK(status == HSA_STATUS_SUCCESS, "0x%x", (unsigned)status);
        hsa_signal_store_screlease(gate, 0);
        e2e_wait(done);
        HSA(hsa_memory_copy(host + BYTES, to_gpu ? target : host + BYTES, BYTES));
        CHECK(memcmp(host + BYTES, want, BYTES) == 0, "%ux%ux%u, pitches %zu <- %zu, %d <- %d",
              range.x, range.y, range.z, to->pitch, from->pitch, to_gpu, from_gpu);
    }
    HSA(hsa_signal_destroy(gate));
    HSA(hsa_signal_destroy(done));
    HSA(hsa_amd_memory_pool_free(host));
    HSA(hsa_amd_memory_pool_free(device));
}

static void rectangles(void) {
    static const struct {
        struct rect to, from;
        hsa_dim3_t range;
    } rows[] = {
        {{64, 64 * 16, {0, 0, 0}}, {64, 64 * 16, {0, 0, 0}}, {64, 16, 1}},
        {{100, 100 * 40, {4, 3, 2}}, {68, 68 * 50, {8, 1, 1}}, {44, 21, 7}},
        {{4, 4 * 300, {0, 0, 0}}, {1024, 1024 * 100, {12, 4, 0}}, {4, 90, 2}},
        {{260, 260 * 11, {1, 2, 0}}, {516, 516 * 13, {3, 0, 1}}, {257, 9, 5}},
        {{4096, 4096 * 8, {0, 0, 0}}, {4096, 4096 * 8, {128, 0, 0}}, {3001, 8, 3}},
        {{64, 64 * 64, {0, 0, 0}}, {64, 64 * 64, {63, 0, 0}}, {1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        for (int direction = 1; direction < 4; ++direction) {
            copy_rect(&rows[i].to, &rows[i].from, rows[i].range, direction & 1, direction >> 1);
        }
    }
}

struct add_args {
    const float *a, *b;
    float *sum;
    uint32_t count;
};

/// The device adds what lies at GPU addresses.
static void device_adds(const float *a, const float *b, float *sum, uint32_t count) {
    static struct e2e_kernel kernel;
    static struct add_args *args;
    if (kernel.object == 0) {
        e2e_kernel(&e2e, "vector_add", &kernel);
        args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    }
    const hsa_signal_t done = e2e_signal(1);
    *args = (struct add_args){a, b, sum, count};
    e2e_dispatch(queue, &kernel, (count + 255) / 256 * 256, 256, args, done);
    e2e_wait(done);
    HSA(hsa_signal_destroy(done));
}

static hsa_amd_pointer_info_t info_of(const void *pointer) {
    hsa_amd_pointer_info_t info = {.size = sizeof info};
    HSA(hsa_amd_pointer_info(pointer, &info, NULL, NULL, NULL));
    return info;
}

/// Memory of malloc, locked at odd places: the device's address has the same offset in its page.
static void locked_memory(void) {
    enum { COUNT = 3000 };
    float *heap = malloc(3 * COUNT * sizeof *heap + 64);
    for (int offset = 0; offset < 4; ++offset) {
        float *a = heap + offset, *b = a + COUNT, *sum = b + COUNT;
        float *gpu = NULL, *again = NULL;
        for (int i = 0; i < COUNT; ++i) {
            a[i] = (float)i;
            b[i] = (float)(offset * i);
            sum[i] = -1;
        }
        HSA(hsa_amd_memory_lock(a, 3 * COUNT * sizeof *a, &e2e.gpu, 1, (void **)&gpu));
        CHECK(((uintptr_t)gpu ^ (uintptr_t)a) % 4096 == 0, "%p for %p", (void *)gpu, (void *)a);
        device_adds(gpu, gpu + COUNT, gpu + 2 * COUNT, COUNT);
        for (int i = 0; i < COUNT; ++i) {
            CHECK(sum[i] == (float)(i + offset * i), "element %d is %g", i, (double)sum[i]);
        }
        const hsa_amd_pointer_info_t info = info_of(a);
        CHECK(info.type == HSA_EXT_POINTER_TYPE_LOCKED, "type %d", (int)info.type);
        CHECK(info.hostBaseAddress == a && info.agentBaseAddress == gpu &&
                  info.sizeInBytes == 3 * COUNT * sizeof *a,
              "%p %p %zu", info.hostBaseAddress, info.agentBaseAddress, info.sizeInBytes);
        // Locked twice, it stays locked until it is unlocked twice.
        HSA(hsa_amd_memory_lock(a, 3 * COUNT * sizeof *a, &e2e.gpu, 1, (void **)&again));
        CHECK(again == gpu, "another address");
        HSA(hsa_amd_memory_unlock(a));
        device_adds(again, again, again + 2 * COUNT, COUNT);
        CHECK(sum[COUNT - 1] == 2.0f * (COUNT - 1));
        HSA(hsa_amd_memory_unlock(a));
        CHECK(info_of(a).type == HSA_EXT_POINTER_TYPE_UNKNOWN);
    }
    float *gpu = NULL;
    HSA(hsa_amd_memory_lock_to_pool(heap, 8192, &e2e.gpu, 1, e2e.host, 0, (void **)&gpu));
    heap[0] = 3;
    heap[1] = 4;
    device_adds(gpu, gpu + 1, gpu + 2, 1);
    CHECK(heap[2] == 7);
    HSA(hsa_amd_memory_unlock(heap));
    HSA(hsa_amd_memory_lock(heap, 8192, NULL, 0, (void **)&gpu)); // for all agents
    device_adds(gpu, gpu, gpu + 3, 1);
    CHECK(heap[3] == 6);
    HSA(hsa_amd_memory_unlock(heap));
    CHECK(hsa_amd_memory_lock_to_pool(heap, 8192, &e2e.gpu, 1, e2e.device, 0, (void **)&gpu) ==
              (hsa_status_t)HSA_STATUS_ERROR_INVALID_MEMORY_POOL,
          "a pool of the GPU");
    CHECK(hsa_amd_memory_lock(heap, 0, NULL, 0, (void **)&gpu) ==
          HSA_STATUS_ERROR_INVALID_ARGUMENT);
    free(heap);
}

static void what_a_pointer_is(void) {
    hsa_agent_t *agents = NULL;
    uint32_t count = 0;
    int mark = 0;
    char *device = NULL, *host = e2e_alloc(&e2e, e2e.host, 12345);
    HSA(hsa_amd_memory_pool_allocate(e2e.device, 1 << 20, 0, (void **)&device));
    hsa_amd_pointer_info_t info = info_of(device + 777);
    CHECK(info.type == HSA_EXT_POINTER_TYPE_HSA && info.agentBaseAddress == device &&
          info.sizeInBytes == 1 << 20 && info.agentOwner.handle == e2e.gpu.handle);
    CHECK(info.global_flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED);
    info = info_of(host + 12000);
    CHECK(info.type == HSA_EXT_POINTER_TYPE_HSA && info.hostBaseAddress == host &&
          info.agentOwner.handle == e2e.cpu.handle && info.sizeInBytes >= 12345);
    CHECK(info.global_flags & HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED);
    CHECK(info_of(&mark).type == HSA_EXT_POINTER_TYPE_UNKNOWN);
    HSA(hsa_amd_pointer_info_set_userdata(device, &mark));
    CHECK(info_of(device + 4096).userData == &mark);
    CHECK(hsa_amd_pointer_info_set_userdata(&mark, &mark) == HSA_STATUS_ERROR_INVALID_ARGUMENT);
    info.size = sizeof info;
    HSA(hsa_amd_pointer_info(host, &info, malloc, &count, &agents));
    bool has_gpu = false;
    for (uint32_t i = 0; i < count; ++i) {
        has_gpu = has_gpu || agents[i].handle == e2e.gpu.handle;
    }
    CHECK(has_gpu, "%u agents have access", count);
    free(agents);
    // Access taken away and given back.
    HSA(hsa_amd_agents_allow_access(1, &e2e.cpu, NULL, host));
    HSA(hsa_amd_agents_allow_access(1, &e2e.gpu, NULL, host));
    memset(host, 0, 64);
    device_adds((float *)(void *)host, (float *)(void *)host, (float *)(void *)(host + 64), 4);
    HSA(hsa_amd_memory_pool_free(device));
    HSA(hsa_amd_memory_pool_free(host));
}

struct notice {
    void *pointer;
    int calls;
};
static void on_free(void *pointer, void *data) {
    struct notice *notice = data;
    notice->pointer = pointer;
    notice->calls++;
}

static void notice_of_the_end(void) {
    struct notice notices[2] = {0};
    char *memory = e2e_alloc(&e2e, e2e.device, 65536);
    HSA(hsa_amd_register_deallocation_callback(memory, on_free, &notices[0]));
    HSA(hsa_amd_memory_pool_free(memory));
    CHECK(notices[0].calls == 1 && notices[0].pointer == memory, "%d calls", notices[0].calls);
    memory = e2e_alloc(&e2e, e2e.host, 65536);
    HSA(hsa_amd_register_deallocation_callback(memory, on_free, &notices[1]));
    HSA(hsa_amd_deregister_deallocation_callback(memory, on_free));
    CHECK(hsa_amd_deregister_deallocation_callback(memory, on_free) ==
          HSA_STATUS_ERROR_INVALID_ARGUMENT);
    HSA(hsa_amd_memory_pool_free(memory));
    CHECK(notices[1].calls == 0);
    CHECK(hsa_amd_register_deallocation_callback(&notices, on_free, NULL) != HSA_STATUS_SUCCESS,
          "memory of the program");
}

static void svm_attributes(void) {
    enum { BYTES = 1 << 20, COUNT = 1000 };
    bool is_supported = false;
    HSA(hsa_system_get_info((hsa_system_info_t)HSA_AMD_SYSTEM_INFO_SVM_SUPPORTED, &is_supported));
    if (!is_supported) {
        CHECK(false, "SVM is not supported");
    }
    float *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    hsa_amd_svm_attribute_pair_t set[] = {
        {HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE_IN_PLACE, e2e.gpu.handle},
        {HSA_AMD_SVM_ATTRIB_MIGRATION_GRANULARITY, 4},
        {HSA_AMD_SVM_ATTRIB_PREFERRED_LOCATION, e2e.gpu.handle},
        {HSA_AMD_SVM_ATTRIB_READ_MOSTLY, 1},
        {HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG, HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED},
    };
    HSA(hsa_amd_svm_attributes_set(memory, BYTES, set, 5));
    hsa_amd_svm_attribute_pair_t get[] = {
        {HSA_AMD_SVM_ATTRIB_ACCESS_QUERY, e2e.gpu.handle},
        {HSA_AMD_SVM_ATTRIB_MIGRATION_GRANULARITY, 0},
        {HSA_AMD_SVM_ATTRIB_PREFERRED_LOCATION, 0},
        {HSA_AMD_SVM_ATTRIB_READ_MOSTLY, 0},
        {HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG, 77},
        {HSA_AMD_SVM_ATTRIB_READ_ONLY, 77},
    };
    HSA(hsa_amd_svm_attributes_get(memory, BYTES, get, 6));
    CHECK(get[0].attribute == HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE_IN_PLACE, "access %lx",
          (unsigned long)get[0].attribute);
    CHECK(get[1].value == 4, "granularity %lu", (unsigned long)get[1].value);
    CHECK(get[2].value == e2e.gpu.handle);
    CHECK(get[3].value != 0 && get[5].value == 0);
    CHECK(get[4].value == HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED);
    // The kernel and the host see one memory, without any copy, wherever it is prefetched to.
    const hsa_agent_t places[] = {e2e.gpu, e2e.cpu, e2e.gpu};
    for (int place = 0; place < 3; ++place) {
        const hsa_signal_t gate = e2e_signal(1), done = e2e_signal(1);
        HSA(hsa_amd_svm_prefetch_async(memory, BYTES, places[place], 1, &gate, done));
        hsa_signal_store_screlease(gate, 0);
        e2e_wait(done);
        hsa_amd_svm_attribute_pair_t where = {HSA_AMD_SVM_ATTRIB_PREFETCH_LOCATION, 0};
        HSA(hsa_amd_svm_attributes_get(memory, BYTES, &where, 1));
        CHECK(where.value == places[place].handle, "prefetched to %lx", (unsigned long)where.value);
        for (int i = 0; i < COUNT; ++i) {
            memory[i] = (float)(i * (place + 1));
        }
        device_adds(memory, memory, memory + 100000, COUNT);
        for (int i = 0; i < COUNT; ++i) {
            CHECK(memory[100000 + i] == (float)(2 * i * (place + 1)), "element %d", i);
        }
        HSA(hsa_signal_destroy(gate));
        HSA(hsa_signal_destroy(done));
    }
    hsa_amd_svm_attribute_pair_t none = {HSA_AMD_SVM_ATTRIB_AGENT_NO_ACCESS, e2e.gpu.handle};
    HSA(hsa_amd_svm_attributes_set(memory, BYTES, &none, 1));
    get[0] = (hsa_amd_svm_attribute_pair_t){HSA_AMD_SVM_ATTRIB_ACCESS_QUERY, e2e.gpu.handle};
    HSA(hsa_amd_svm_attributes_get(memory, BYTES, get, 1));
    CHECK(get[0].attribute == HSA_AMD_SVM_ATTRIB_AGENT_NO_ACCESS, "access %lx",
          (unsigned long)get[0].attribute);
    munmap(memory, BYTES);
}

static void migration(void) {
    bool can = true;
    char *memory = e2e_alloc(&e2e, e2e.host, 65536);
    CHECK(hsa_amd_memory_migrate(NULL, e2e.host, 0) == HSA_STATUS_ERROR_INVALID_ARGUMENT);
    CHECK(hsa_amd_memory_migrate(memory, e2e.host, 1) == HSA_STATUS_ERROR_INVALID_ARGUMENT);
    // ROCr 5.2.3 migrates nothing by itself; whatever it says, both calls say it.
    const hsa_status_t asked = hsa_amd_memory_pool_can_migrate(e2e.host, e2e.device, &can);
    const hsa_status_t status = hsa_amd_memory_migrate(memory, e2e.device, 0);
    CHECK((asked == HSA_STATUS_SUCCESS && can) == (status == HSA_STATUS_SUCCESS), "0x%x, 0x%x",
          (unsigned)asked, (unsigned)status);
    HSA(hsa_amd_memory_pool_free(memory));
}

/// All of a pool is taken in pieces; the next one is refused; freed, it can be had again.
static void exhaustion(hsa_amd_memory_pool_t pool, size_t piece) {
    enum { PIECES_MAX = 4096 };
    static void *pieces[PIECES_MAX];
    size_t total = 0, largest = 0;
    HSA(hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SIZE, &total));
    HSA(hsa_amd_memory_pool_get_info(
        pool, (hsa_amd_memory_pool_info_t)HSA_AMD_MEMORY_POOL_INFO_ALLOC_MAX_SIZE, &largest));
    CHECK(hsa_amd_memory_pool_allocate(pool, largest + 4096, 0, &pieces[0]) ==
              HSA_STATUS_ERROR_INVALID_ALLOCATION,
          "more than the pool's largest");
    CHECK(hsa_amd_memory_pool_allocate(pool, 0, 0, &pieces[0]) ==
          HSA_STATUS_ERROR_INVALID_ARGUMENT);
    size_t counts[2];
    for (int round = 0; round < 2; ++round) {
        size_t count = 0;
        hsa_status_t status = HSA_STATUS_SUCCESS;
        while (count < PIECES_MAX) {
            status = hsa_amd_memory_pool_allocate(pool, piece, 0, &pieces[count]);
            if (status != HSA_STATUS_SUCCESS) {
                break;
            }
            ++count;
        }
        CHECK(status == HSA_STATUS_ERROR_OUT_OF_RESOURCES, "status 0x%x after %zu pieces",
              (unsigned)status, count);
        CHECK(count * piece <= total && count > 0, "%zu pieces of %zu in %zu", count, piece, total);
        counts[round] = count;
        for (size_t i = 0; i < count; ++i) {
            HSA(hsa_amd_memory_pool_free(pieces[i]));
        }
    }
    CHECK(counts[0] == counts[1], "%zu pieces, then %zu", counts[0], counts[1]);
    e2e_vector_add(&e2e, queue, 1000);
}

int main(void) {
    e2e_open(&e2e);
    queue = e2e_queue(&e2e, 64);
    fills();
    rectangles();
    locked_memory();
    what_a_pointer_is();
    notice_of_the_end();
    svm_attributes();
    migration();
    exhaustion(e2e.device, 64 << 20);
    exhaustion(e2e.host, (size_t)1 << 30);
    HSA(hsa_queue_destroy(queue));
    e2e_close();
    return 0;
}
