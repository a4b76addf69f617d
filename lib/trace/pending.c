/* SPDX-License-Identifier: MIT */
#include "trace/pending.h"

#include <pthread.h>
#include <stdlib.h>

#include "abi/signal.h"
#include "trace/table.h"

#define COLLECT_STEP      16u
#define SIGNAL_BATCH      32u
#define SIGNALS_MAX       4096u
#define CLOCKS_MAX        16u
#define CLOCK_PROBE_TICKS 1000000u
#define CLOCK_AGE_NS      100000000u
#define NS_PER_S          1000000000u

static pthread_mutex_t signals_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t free_signals[SIGNALS_MAX];
static uint32_t free_count, made_count;

/* Relation of an agent's clock to the host's ticks: through the runtime's system clock. */
struct device_clock {
    uint64_t agent;
    uint64_t tick;       // of the agent
    double system_slope; // system ticks per tick of the agent
    double host_slope;   // host ticks per system tick
    uint64_t system;     // system clock at `tick`
    uint64_t now_system; // the same moment in both
    uint64_t now_host;
};
static pthread_mutex_t clocks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct device_clock clocks[CLOCKS_MAX];
static uint32_t clock_count;
static uint64_t system_hz;

static void refresh(const struct trace_hsa *hsa, struct device_clock *line, uint64_t tick) {
    uint64_t further = 0;
    line->tick = tick;
    if (line->agent) {
        const hsa_agent_t agent = {line->agent};
        hsa->convert_tick(agent, tick, &line->system);
        hsa->convert_tick(agent, tick + CLOCK_PROBE_TICKS, &further);
        line->system_slope = (double)(further - line->system) / CLOCK_PROBE_TICKS;
    } else {
        line->system = tick;
        line->system_slope = 1;
    }
    if (!system_hz)
        hsa->system_get_info(HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY, &system_hz);
    uint64_t best = UINT64_MAX;
    for (int attempt = 0; attempt < 4; attempt++) {
        uint64_t system = 0;
        const uint64_t before = hsp_clock_read();
        hsa->system_get_info(HSA_SYSTEM_INFO_TIMESTAMP, &system);
        const uint64_t after = hsp_clock_read();
        if (after - before >= best)
            continue;
        best = after - before;
        line->now_system = system;
        line->now_host = before + best / 2;
    }
    const double ns_per_tick = (double)hsp_session_page->ns_multiplier / 4294967296.0;
    line->host_slope = (double)NS_PER_S / (double)(system_hz ? system_hz : NS_PER_S) / ns_per_tick;
}

static struct device_clock *clock_of(uint64_t agent) {
    uint32_t i = 0;
    while (i < clock_count && clocks[i].agent != agent)
        i++;
    if (i == clock_count) {
        if (i == CLOCKS_MAX)
            i = 0;
        else
            clock_count++;
        clocks[i] = (struct device_clock){.agent = agent};
    }
    return &clocks[i];
}

uint64_t trace_device_ticks(uint64_t agent, uint64_t tick) {
    const struct trace_hsa *hsa = trace_hsa_get();
    if (!hsa)
        return 0;
    pthread_mutex_lock(&clocks_lock);
    struct device_clock *line = clock_of(agent);
    const uint64_t age_ticks =
        (uint64_t)(((unsigned __int128)CLOCK_AGE_NS << 32) / hsp_session_page->ns_multiplier);
    if (!line->now_host || hsp_clock_read() - line->now_host > age_ticks) {
        struct hsp_trace_ring *ring = trace_mute();
        refresh(hsa, line, tick);
        trace_unmute(ring);
    }
    const double system = (double)(int64_t)(line->system - line->now_system) +
                          (double)(int64_t)(tick - line->tick) * line->system_slope;
    const uint64_t host = line->now_host + (uint64_t)(int64_t)(system * line->host_slope);
    pthread_mutex_unlock(&clocks_lock);
    return host;
}

static void make_signals(const struct trace_hsa *hsa) {
    struct hsp_trace_ring *ring = trace_mute();
    for (uint32_t i = 0; i < SIGNAL_BATCH && made_count < SIGNALS_MAX; i++) {
        hsa_signal_t signal;
        if (hsa->signal_create(1, 0, NULL, HSA_AMD_SIGNAL_AMD_GPU_ONLY, &signal) !=
            HSA_STATUS_SUCCESS)
            break;
        free_signals[free_count++] = signal.handle;
        made_count++;
    }
    trace_unmute(ring);
}

uint64_t trace_signal_take(void) {
    const struct trace_hsa *hsa = trace_hsa_get();
    uint64_t signal = 0;
    pthread_mutex_lock(&signals_lock);
    if (free_count == 0 && hsa)
        make_signals(hsa);
    if (free_count > 0)
        signal = free_signals[--free_count];
    pthread_mutex_unlock(&signals_lock);
    if (signal)
        __atomic_store_n(&((struct abi_signal *)signal)->end_ts, 0, __ATOMIC_RELEASE);
    return signal;
}

static void give_back(uint64_t signal) {
    pthread_mutex_lock(&signals_lock);
    free_signals[free_count++] = signal;
    pthread_mutex_unlock(&signals_lock);
}

void trace_signals_reset(void) {
    pthread_mutex_lock(&signals_lock);
    free_count = made_count = 0;
    pthread_mutex_unlock(&signals_lock);
    pthread_mutex_lock(&clocks_lock);
    clock_count = 0;
    pthread_mutex_unlock(&clocks_lock);
}

bool pending_init(struct pending_list *list, uint64_t queue_id, uint64_t agent) {
    *list = (struct pending_list){.queue_id = queue_id, .agent = agent};
    list->entries = calloc(PENDING_MAX, sizeof *list->entries);
    return list->entries != NULL;
}

void pending_fini(struct pending_list *list) {
    free(list->entries);
    *list = (struct pending_list){0};
}

static bool is_copy(const struct pending_list *list) {
    return list->queue_id == HSP_TRACE_COPIES;
}

uint64_t pending_state(const struct pending_list *list, uint64_t signal) {
    const struct abi_signal *memory = (const struct abi_signal *)signal;
    return is_copy(list) ? (uint64_t)__atomic_load_n(&memory->value, __ATOMIC_ACQUIRE)
                         : __atomic_load_n(&memory->end_ts, __ATOMIC_ACQUIRE);
}

static bool has_completed(const struct pending_list *list, const struct pending *entry) {
    const uint64_t now = pending_state(list, entry->signal);
    return now != entry->before && (now != 0 || is_copy(list));
}

static bool read_times(const struct pending_list *list, const struct pending *entry,
                       uint64_t *out_start, uint64_t *out_end) {
    if (!is_copy(list)) {
        const struct abi_signal *memory = (const struct abi_signal *)entry->signal;
        const uint64_t end = __atomic_load_n(&memory->end_ts, __ATOMIC_ACQUIRE);
        const uint64_t start = __atomic_load_n(&memory->start_ts, __ATOMIC_ACQUIRE);
        *out_start = trace_device_ticks(list->agent, start);
        *out_end = trace_device_ticks(list->agent, end);
        return true;
    }
    const struct trace_hsa *hsa = trace_hsa_get();
    hsa_amd_profiling_async_copy_time_t time = {0};
    struct hsp_trace_ring *ring = trace_mute();
    const bool known =
        hsa && hsa->get_copy_time((hsa_signal_t){entry->signal}, &time) == HSA_STATUS_SUCCESS;
    trace_unmute(ring);
    if (!known || time.end == 0)
        return false;
    *out_start = trace_device_ticks(0, time.start);
    *out_end = trace_device_ticks(0, time.end);
    return true;
}

static void write_times(const struct pending_list *list, const struct pending *entry) {
    uint64_t start = 0, end = 0;
    struct hsp_trace_ring *ring = hsp_writer_ring();
    if (!ring || !read_times(list, entry, &start, &end))
        return;
    struct hsp_trace_event *event = hsp_writer_claim(ring);
    if (!event)
        return;
    *event = (struct hsp_trace_event){
        .start_ticks = start,
        .end_ticks = end,
        .value = entry->number,
        .detail = {0, list->queue_id},
        .parent_id = HSP_TRACE_NO_ID,
        .root_id = HSP_TRACE_NO_ID,
        .kind = HSP_TRACE_DEVICE,
    };
    hsp_writer_commit(ring);
}

static void finish(struct pending_list *list, struct pending *entry, bool with_times) {
    if (with_times)
        write_times(list, entry);
    // A signal that may still be written to is never used again.
    if (entry->is_own && with_times)
        give_back(entry->signal);
    list->foreign_count -= !entry->is_own;
    entry->is_done = true;
}

static struct pending *entry_at(const struct pending_list *list, uint64_t at) {
    return &list->entries[at % PENDING_MAX];
}

static void advance(struct pending_list *list) {
    while (list->tail < list->head && entry_at(list, list->tail)->is_done)
        list->tail++;
}

void pending_collect(struct pending_list *list, bool all) {
    uint64_t end = list->tail + COLLECT_STEP;
    if (all || end > list->head)
        end = list->head;
    for (uint64_t at = list->tail; at < end; at++) {
        struct pending *entry = entry_at(list, at);
        if (!entry->is_done && has_completed(list, entry))
            finish(list, entry, true);
    }
    advance(list);
}

void pending_release(struct pending_list *list, uint64_t signal) {
    for (uint64_t at = list->tail; list->foreign_count > 0 && at < list->head; at++) {
        struct pending *entry = entry_at(list, at);
        if (!entry->is_done && entry->signal == signal)
            finish(list, entry, has_completed(list, entry));
    }
    advance(list);
}

void pending_add_since(struct pending_list *list, uint64_t number, uint64_t signal, uint64_t before,
                       bool is_own) {
    if (!is_own)
        pending_release(list, signal);
    if (list->head - list->tail == PENDING_MAX) {
        finish(list, entry_at(list, list->tail), false);
        advance(list);
    }
    *entry_at(list, list->head) =
        (struct pending){.number = number, .signal = signal, .before = before, .is_own = is_own};
    list->foreign_count += !is_own;
    list->head++;
}

void pending_add(struct pending_list *list, uint64_t number, uint64_t signal, bool is_own) {
    pending_add_since(list, number, signal, pending_state(list, signal), is_own);
}
