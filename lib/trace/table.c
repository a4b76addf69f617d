/* SPDX-License-Identifier: MIT */
// The API table: ROCr hands it to the library that HSA_TOOLS_LIB names, once per first hsa_init.
#include "trace/table.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "hsa/api_table.h"
#include "trace/packets.h"

#define EXPORT        __attribute__((visibility("default")))
#define KERNEL_SUFFIX ".kd"

static struct trace_hsa functions;
static _Atomic(const struct trace_hsa *) current;

static const char *const core_names[] = {
#define CORE(name) #name,
#include "hsa/core_slots.def"
};
static const char *const amd_names[] = {
#define AMD(name, since) #name,
#include "hsa/amd_slots.def"
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
/* The functions' numbers, for every table. */
static uint16_t core_ids[COUNT(core_names)], amd_ids[COUNT(amd_names)];
static bool has_ids;

/* What the tracer calls itself. */
static const struct {
    const char *name;
    void *member;
} wanted[] = {
    {"hsa_system_get_info", &functions.system_get_info},
    {"hsa_amd_signal_create", &functions.signal_create},
    {"hsa_signal_destroy", &functions.signal_destroy},
    {"hsa_amd_profiling_set_profiler_enabled", &functions.set_profiler},
    {"hsa_amd_profiling_async_copy_enable", &functions.enable_copy_times},
    {"hsa_amd_profiling_get_async_copy_time", &functions.get_copy_time},
    {"hsa_amd_profiling_convert_tick_to_system_domain", &functions.convert_tick},
    {"hsa_executable_iterate_symbols", &functions.iterate_symbols},
    {"hsa_executable_symbol_get_info", &functions.symbol_get_info},
};

const struct trace_hsa *trace_hsa_get(void) {
    return atomic_load_explicit(&current, memory_order_acquire);
}

static bool publish(void *(*find)(const void *where, const char *name), const void *where) {
    for (size_t i = 0; i < COUNT(wanted); i++) {
        void *address = find(where, wanted[i].name);
        if (!address)
            return false;
        memcpy(wanted[i].member, &address, sizeof address);
    }
    atomic_store(&current, &functions);
    return true;
}

static void *find_in_table(const void *table, const char *name) {
    void **slot = hsp_api_table_slot(table, name);
    return slot ? *slot : NULL;
}

static void wrap(struct trace_block *block, const struct hsp_api_table *table, const char *name,
                 uint16_t *id) {
    void **slot = hsp_api_table_slot(table, name);
    // hsa_init has a stub already: the table comes too late for its first call.
    void *stub = slot && strcmp(name, "hsa_init") != 0
                     ? trace_block_add(block, HSP_LAYER_HSA, name, *slot, id)
                     : NULL;
    if (stub)
        __atomic_store_n(slot, stub, __ATOMIC_RELEASE);
}

static void wrap_all(const struct hsp_api_table *table) {
    struct trace_block *block = trace_block_create(COUNT(core_names) + COUNT(amd_names));
    if (!block)
        return;
    if (!has_ids) {
        memset(core_ids, 0xff, sizeof core_ids); // HSP_TRACE_NO_ID
        memset(amd_ids, 0xff, sizeof amd_ids);
        has_ids = true;
    }
    for (size_t i = 0; i < COUNT(core_names); i++)
        wrap(block, table, core_names[i], &core_ids[i]);
    for (size_t i = 0; i < COUNT(amd_names); i++)
        wrap(block, table, amd_names[i], &amd_ids[i]);
    trace_block_finish(block);
}

EXPORT bool OnLoad(const struct hsp_api_table *table, uint64_t runtime_version,
                   uint64_t failed_count, const char *const *failed);
EXPORT void OnUnload(void);

bool OnLoad(const struct hsp_api_table *table, uint64_t runtime_version, uint64_t failed_count,
            const char *const *failed) {
    (void)runtime_version;
    (void)failed_count;
    (void)failed;
    if (!trace_start() || hsp_process_page->table_seen)
        return true;
    publish(find_in_table, table);
    if (trace_has_layer(HSP_LAYER_HSA))
        wrap_all(table);
    hsp_process_page->table_seen = 1;
    return true;
}

void OnUnload(void) {
    trace_packets_collect();
    trace_packets_reset();
    atomic_store(&current, NULL);
    // The next hsa_init hands out a fresh table.
    if (hsp_process_page)
        hsp_process_page->table_seen = 0;
}

static void *find_exported(const void *library, const char *name) {
    return dlsym((void *)library, name);
}

// Without a table: the exported functions, which the stubs then lead to.
static void trace_exports(void) {
    void *library = dlopen("libhsa-runtime64.so.1", RTLD_NOW | RTLD_NOLOAD);
    if (!library)
        return;
    publish(find_exported, library);
    trace_objects_add_hsa();
    hsp_process_page->table_seen = 1;
}

void trace_hsa_began(struct trace_frame *frame) {
    if (frame->result != HSA_STATUS_SUCCESS)
        return;
    struct hsp_trace_ring *ring = trace_mute();
    if (!hsp_process_page->table_seen)
        trace_exports();
    const struct trace_hsa *hsa = trace_hsa_get();
    if (hsa && trace_has_layer(HSP_LAYER_DEVICE))
        hsa->enable_copy_times(true);
    trace_unmute(ring);
}

static hsa_status_t note_kernel(hsa_executable_t executable, hsa_executable_symbol_t symbol,
                                void *data) {
    (void)executable;
    const struct trace_hsa *hsa = data;
    hsa_symbol_kind_t kind;
    uint32_t length = 0;
    uint64_t object = 0;
    if (hsa->symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_TYPE, &kind) ||
        kind != HSA_SYMBOL_KIND_KERNEL ||
        hsa->symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_NAME_LENGTH, &length) ||
        hsa->symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, &object))
        return HSA_STATUS_SUCCESS;
    char *name = calloc(1, (size_t)length + 1);
    if (name && !hsa->symbol_get_info(symbol, HSA_EXECUTABLE_SYMBOL_INFO_NAME, name)) {
        const size_t suffix = strlen(KERNEL_SUFFIX);
        if (length > suffix && strcmp(name + length - suffix, KERNEL_SUFFIX) == 0)
            name[length - suffix] = '\0';
        hsp_writer_note(HSP_NOTE_KERNEL, object, 0, name);
    }
    free(name);
    return HSA_STATUS_SUCCESS;
}

void trace_code_frozen(struct trace_frame *frame) {
    const struct trace_hsa *hsa = trace_hsa_get();
    if (!hsa || frame->result != HSA_STATUS_SUCCESS)
        return;
    struct hsp_trace_ring *ring = trace_mute();
    hsa->iterate_symbols((hsa_executable_t){frame->arguments[0]}, note_kernel, (void *)hsa);
    trace_unmute(ring);
}

static void write_event(enum hsp_trace_kind kind, uint64_t value, uint64_t detail0,
                        uint64_t detail1) {
    struct hsp_trace_ring *ring = hsp_thread_ring;
    struct hsp_trace_event *event = ring ? hsp_writer_claim(ring) : NULL;
    if (!event)
        return;
    *event = (struct hsp_trace_event){
        .start_ticks = hsp_clock_read(),
        .value = value,
        .detail = {detail0, detail1},
        .kind = (uint8_t)kind,
    };
    hsp_writer_place(ring, event);
    hsp_writer_commit(ring);
}

void trace_code_loaded(struct trace_frame *frame) {
    if (frame->result == HSA_STATUS_SUCCESS)
        write_event(HSP_TRACE_LOAD, 0, frame->arguments[0], 0);
}

static void allocated(const struct trace_frame *frame, unsigned pointer) {
    void *const *memory = (void *const *)frame->arguments[pointer];
    if (frame->result == HSA_STATUS_SUCCESS && memory)
        write_event(HSP_TRACE_ALLOC, frame->arguments[1], (uint64_t)*memory, frame->arguments[0]);
}

void trace_pool_allocated(struct trace_frame *frame) {
    allocated(frame, 3);
}

void trace_memory_allocated(struct trace_frame *frame) {
    allocated(frame, 2);
}
