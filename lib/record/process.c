/* SPDX-License-Identifier: MIT */
#include "record/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"

#define FIXED_BYTES  (HSP_PROCESS_PAGE_BYTES + HSP_TRACE_NOTES_BYTES)
#define KERNEL_HEADS 1024u
#define GROW_STEP    64u
#define UNKNOWN_NAME "?"

static hsp_status map_file(struct hsp_process *process, const char *name) {
    struct stat file;
    if (fstat(process->fd, &file) != 0)
        return hsp_fail_errno(errno, "cannot read the recording %s", name);
    process->file_bytes = (uint64_t)file.st_size;
    if (process->file_bytes < FIXED_BYTES)
        return hsp_fail(HSP_ERROR_FORMAT, "recording %s: %llu bytes are too few", name,
                        (unsigned long long)process->file_bytes);
    void *page = mmap(NULL, FIXED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, process->fd, 0);
    if (page == MAP_FAILED)
        return hsp_fail_errno(errno, "cannot map the recording %s", name);
    process->page = page;
    const uint32_t capacity = process->page->ring_capacity;
    if (process->page->magic != HSP_TRACE_MAGIC || process->page->version != HSP_TRACE_VERSION ||
        capacity == 0 || (capacity & (capacity - 1)) != 0)
        return hsp_fail(HSP_ERROR_FORMAT, "recording %s: not one of this version of hsaprobe",
                        name);
    return HSP_OK;
}

hsp_status hsp_process_open(int directory_fd, const char *name, uint32_t number,
                            struct hsp_process **out_process) {
    struct hsp_process *process = calloc(1, sizeof *process);
    if (!process)
        return hsp_fail_memory("a process");
    process->fd = openat(directory_fd, name, O_RDWR | O_CLOEXEC);
    hsp_status status = process->fd < 0
                            ? hsp_fail_errno(errno, "cannot open the recording %s", name)
                            : map_file(process, name);
    process->name = strdup(name);
    process->names = calloc(HSP_TRACE_IDS_MAX, sizeof *process->names);
    process->kernel_heads = calloc(KERNEL_HEADS, sizeof *process->kernel_heads);
    if (status == HSP_OK && (!process->name || !process->names || !process->kernel_heads))
        status = hsp_fail_memory("a process");
    if (status != HSP_OK) {
        hsp_process_close(process);
        return status;
    }
    process->kernel_head_count = KERNEL_HEADS;
    process->public = (struct hsp_session_process){
        .page = process->page, .pid = process->page->pid, .number = number};
    *out_process = process;
    return HSP_OK;
}

void hsp_process_close(struct hsp_process *process) {
    if (!process)
        return;
    for (uint32_t i = 0; i < HSP_TRACE_RINGS_MAX; i++)
        if (process->rings[i])
            munmap(process->rings[i], hsp_trace_ring_bytes(process->page->ring_capacity));
    if (process->page)
        munmap(process->page, FIXED_BYTES);
    if (process->fd >= 0)
        close(process->fd);
    free(process->name);
    free(process->names);
    free(process->kernels);
    free(process->kernel_heads);
    free(process->modules);
    free(process);
}

static uint32_t kernel_bucket(const struct hsp_process *process, uint64_t object) {
    return (uint32_t)((object >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 40) %
           process->kernel_head_count;
}

static bool append(struct hsp_process_place **places, uint32_t *count,
                   struct hsp_process_place place) {
    if (*count % GROW_STEP == 0) {
        void *grown = reallocarray(*places, *count + GROW_STEP, sizeof **places);
        if (!grown)
            return false;
        *places = grown;
    }
    (*places)[(*count)++] = place;
    return true;
}

static bool add_kernel(struct hsp_process *process, const struct hsp_trace_note *note) {
    uint32_t *head = &process->kernel_heads[kernel_bucket(process, note->key)];
    if (!append(&process->kernels, &process->kernel_count,
                (struct hsp_process_place){.note = note, .previous = *head}))
        return false;
    *head = process->kernel_count;
    return true;
}

static bool take_note(struct hsp_process *process, const struct hsp_trace_note *note) {
    switch (note->kind) {
    case HSP_NOTE_NAME:
        if (note->key < HSP_TRACE_IDS_MAX && note->extra < HSP_LAYER_COUNT)
            process->names[note->key] = (struct hsp_process_name){
                .text = note->text, .layer = (enum hsp_trace_layer)note->extra};
        return true;
    case HSP_NOTE_KERNEL:
        return add_kernel(process, note);
    case HSP_NOTE_MODULE:
        return append(&process->modules, &process->module_count,
                      (struct hsp_process_place){.note = note});
    default:
        return true;
    }
}

static hsp_status read_notes(struct hsp_process *process) {
    char *area = (char *)process->page + HSP_PROCESS_PAGE_BYTES;
    while (process->note_at + sizeof(struct hsp_trace_note) < HSP_TRACE_NOTES_BYTES) {
        const struct hsp_trace_note *note = (const void *)(area + process->note_at);
        if (__atomic_load_n(&note->kind, __ATOMIC_ACQUIRE) == HSP_NOTE_END)
            break;
        const uint64_t bytes = note->bytes;
        if (bytes <= sizeof *note || bytes % 8 != 0 ||
            bytes > HSP_TRACE_NOTES_BYTES - process->note_at ||
            !memchr(note->text, '\0', bytes - sizeof *note))
            return hsp_fail(HSP_ERROR_FORMAT, "recording %s: damaged at note byte %llu",
                            process->name, (unsigned long long)process->note_at);
        if (!take_note(process, note))
            return hsp_fail_memory("names");
        process->note_at += bytes;
    }
    return HSP_OK;
}

static struct hsp_trace_ring *ring_of(struct hsp_process *process, uint32_t index) {
    if (process->rings[index])
        return process->rings[index];
    const uint32_t capacity = process->page->ring_capacity;
    const uint64_t offset = hsp_trace_ring_offset(capacity, index);
    const uint64_t bytes = hsp_trace_ring_bytes(capacity);
    if (!__atomic_load_n(&process->page->slots[index].has_memory, __ATOMIC_ACQUIRE) ||
        offset + bytes > process->file_bytes)
        return NULL;
    void *ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, process->fd, (off_t)offset);
    if (ring == MAP_FAILED)
        return NULL;
    process->rings[index] = ring;
    return ring;
}

static uint64_t drain_ring(struct hsp_process *process, uint32_t index, struct hsp_trace_ring *ring,
                           const struct hsp_session_sink *sink) {
    const uint64_t capacity = process->page->ring_capacity;
    uint64_t first;
    const uint64_t end = hsp_ring_readable(&ring->ring, &first);
    if (end - first > capacity)
        first = end - capacity; // a damaged index: what is there is all there is
    for (uint64_t at = first; at < end; at++) {
        const struct hsp_trace_event *event = &hsp_trace_events(ring)[at & (capacity - 1)];
        if (event->kind == HSP_TRACE_THREAD)
            process->threads[index] = (uint32_t)event->value;
        else
            sink->event(sink->data, &process->public, process->threads[index], event);
    }
    hsp_ring_consume(&ring->ring, end);
    return end - first;
}

static uint32_t ring_count(const struct hsp_process *process) {
    const uint32_t count = __atomic_load_n(&process->page->ring_count, __ATOMIC_ACQUIRE);
    return count < HSP_TRACE_RINGS_MAX ? count : HSP_TRACE_RINGS_MAX;
}

hsp_status hsp_process_drain(struct hsp_process *process, const struct hsp_session_sink *sink,
                             uint64_t *count) {
    hsp_status status = HSP_OK;
    for (uint32_t i = 0; i < ring_count(process) && status == HSP_OK; i++) {
        struct hsp_trace_ring *ring = ring_of(process, i);
        // Names are written before the events that use them.
        status = read_notes(process);
        if (ring && status == HSP_OK)
            *count += drain_ring(process, i, ring, sink);
    }
    return status;
}

void hsp_process_deliver_open_calls(struct hsp_process *process,
                                    const struct hsp_session_sink *sink) {
    for (uint32_t i = 0; i < ring_count(process); i++) {
        const struct hsp_trace_ring *ring = process->rings[i];
        if (!ring || process->page->slots[i].state != HSP_RING_TAKEN)
            continue;
        for (uint32_t depth = 0; depth < ring->depth && depth < HSP_TRACE_OPEN_MAX; depth++) {
            const struct hsp_trace_open *open = &ring->open[depth];
            if (open->start_ticks == 0 || (depth > 0 && open->frame >= open[-1].frame))
                break; // killed while it began
            sink->event(sink->data, &process->public, ring->thread,
                        &(struct hsp_trace_event){
                            .start_ticks = open->start_ticks,
                            .child_ticks = open->child_ticks,
                            .seq = open->seq,
                            .parent_seq = depth ? open[-1].seq : 0,
                            .id = open->id,
                            .parent_id = depth ? open[-1].id : (uint16_t)HSP_TRACE_NO_ID,
                            .root_id = open->root_id,
                            .depth = (uint8_t)depth,
                            .kind = HSP_TRACE_UNFINISHED,
                        });
        }
    }
}

uint64_t hsp_process_dropped_count(const struct hsp_process *process) {
    uint64_t count = __atomic_load_n(&process->page->lost_events, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < HSP_TRACE_RINGS_MAX; i++)
        if (process->rings[i])
            count += __atomic_load_n(&process->rings[i]->ring.dropped, __ATOMIC_RELAXED);
    return count;
}

uint64_t hsp_process_hook_ticks(const struct hsp_process *process) {
    uint64_t ticks = 0;
    for (uint32_t i = 0; i < HSP_TRACE_RINGS_MAX; i++)
        if (process->rings[i])
            ticks += __atomic_load_n(&process->rings[i]->hook_ticks, __ATOMIC_RELAXED);
    return ticks;
}

static const struct hsp_process *private_of(const struct hsp_session_process *process) {
    return (const struct hsp_process *)process;
}

const char *hsp_session_name(const struct hsp_session_process *process, uint16_t id) {
    const struct hsp_process *own = private_of(process);
    return id < HSP_TRACE_IDS_MAX && own->names[id].text ? own->names[id].text : UNKNOWN_NAME;
}

enum hsp_trace_layer hsp_session_layer(const struct hsp_session_process *process, uint16_t id) {
    const struct hsp_process *own = private_of(process);
    return id < HSP_TRACE_IDS_MAX && own->names[id].text ? own->names[id].layer : HSP_LAYER_COUNT;
}

const char *hsp_session_kernel(const struct hsp_session_process *process, uint64_t kernel_object,
                               uint64_t ticks) {
    const struct hsp_process *own = private_of(process);
    const char *oldest = NULL;
    for (uint32_t at = own->kernel_heads[kernel_bucket(own, kernel_object)]; at;
         at = own->kernels[at - 1].previous) {
        const struct hsp_trace_note *note = own->kernels[at - 1].note;
        if (note->key != kernel_object)
            continue;
        oldest = note->text;
        if (note->ticks <= ticks)
            break;
    }
    return oldest;
}

const char *hsp_session_module(const struct hsp_session_process *process, uint64_t address,
                               uint64_t *out_offset) {
    const struct hsp_process *own = private_of(process);
    for (uint32_t i = own->module_count; i-- > 0;) {
        const struct hsp_trace_note *note = own->modules[i].note;
        if (address >= note->key && address < note->extra) {
            *out_offset = address - note->key;
            return note->text;
        }
    }
    return NULL;
}

// The dynamic linker lists the program before its libraries.
const char *hsp_session_program(const struct hsp_session_process *process) {
    const struct hsp_process *own = private_of(process);
    return own->module_count > 0 ? own->modules[0].note->text : "";
}
