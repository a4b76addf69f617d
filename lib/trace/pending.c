/* SPDX-License-Identifier: MIT */
#include "trace/pending.h"

#include <pthread.h>
#include <stdlib.h>

#include "abi/signal.h"
#include "trace/table.h"

#define COLLECT_STEP      16u
#define SIGNAL_BATCH      32u
#define SIGNALS_MAX       4096u
#define DOUBT_PACKETS     64u
#define CLOCKS_MAX        16u
#define CLOCK_PROBE_TICKS 1000000u
#define CLOCK_AGE_NS      100000000u
#define NS_PER_S          1000000000u

static pthread_mutex_t signals_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t free_signals[SIGNALS_MAX];
// Of queues that are gone: perhaps written to once more while they went.
static uint64_t old_signals[SIGNALS_MAX];
static uint32_t free_count, old_count, made_count;

/* Relation of an agent's clock to the host's ticks: through the runtime's system clock. */
struct device_clock {
    uint64_t agent;
    uint64_t tick;       // of the agent
    double system_slope; // system ticks per tick of the agent
    double host_slope;   // host ticks per system tick
    uint64_t system;     // system clock at `tick`
    uint64_t now_system; // the same moment in both
    uint64_t now_host;
    uint64_t age_ticks; // host ticks for which it holds
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
    line->age_ticks = (uint64_t)((double)CLOCK_AGE_NS / ns_per_tick);
    line->host_slope = (double)NS_PER_S / (double)(system_hz ? system_hz : NS_PER_S) / ns_per_tick;
}

static uint64_t to_host(const struct device_clock *line, uint64_t tick) {
    const double system = (double)(int64_t)(line->system - line->now_system) +
                          (double)(int64_t)(tick - line->tick) * line->system_slope;
    return line->now_host + (uint64_t)(int64_t)(system * line->host_slope);
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

// Both ends of an interval: host ticks of ticks of the agent's clock, or (agent 0) of the runtime's
// system clock.
static bool convert(uint64_t agent, uint64_t *start, uint64_t *end) {
    const struct trace_hsa *hsa = trace_hsa_get();
    if (!hsa)
        return false;
    pthread_mutex_lock(&clocks_lock);
    struct device_clock *line = clock_of(agent);
    if (!line->now_host || hsp_writer_clock() - line->now_host > line->age_ticks) {
        struct hsp_trace_ring *ring = trace_mute();
        refresh(hsa, line, *end);
        trace_unmute(ring);
    }
    *start = to_host(line, *start);
    *end = to_host(line, *end);
    pthread_mutex_unlock(&clocks_lock);
    return true;
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
    for (; free_count == 0 && old_count > 0; old_count--)
        free_signals[free_count++] = old_signals[old_count - 1];
}

// Signals go between a list and the common store by the batch.
static void refill(struct pending_list *list) {
    const struct trace_hsa *hsa = trace_hsa_get();
    pthread_mutex_lock(&signals_lock);
    if (free_count == 0 && hsa)
        make_signals(hsa);
    while (free_count > 0 && list->signal_count < SIGNAL_BATCH)
        list->signals[list->signal_count++] = free_signals[--free_count];
    pthread_mutex_unlock(&signals_lock);
}

static void spill(struct pending_list *list, uint32_t keep) {
    pthread_mutex_lock(&signals_lock);
    while (list->signal_count > keep)
        free_signals[free_count++] = list->signals[--list->signal_count];
    pthread_mutex_unlock(&signals_lock);
}

static void give_back(struct pending_list *list, uint64_t signal) {
    if (list->signal_count == PENDING_SIGNALS)
        spill(list, SIGNAL_BATCH);
    list->signals[list->signal_count++] = signal;
}

// Of a packet without times. Where there are too many the oldest one is lost.
static void keep(struct pending_list *list, uint64_t number, uint64_t signal) {
    if (list->kept_head - list->kept_tail == PENDING_MAX)
        list->kept_tail++;
    list->kept[list->kept_head++ % PENDING_MAX] =
        (struct pending_signal){.number = number, .signal = signal};
}

static void give_back_kept(struct pending_list *list) {
    while (list->kept_tail < list->kept_head && list->signal_count < PENDING_SIGNALS &&
           list->kept[list->kept_tail % PENDING_MAX].number < list->settled)
        give_back(list, list->kept[list->kept_tail++ % PENDING_MAX].signal);
}

uint64_t pending_take_signal(struct pending_list *list) {
    if (list->signal_count == 0)
        give_back_kept(list);
    if (list->signal_count == 0)
        refill(list);
    if (list->signal_count == 0)
        return 0;
    const uint64_t signal = list->signals[--list->signal_count];
    __atomic_store_n(&((struct abi_signal *)signal)->end_ts, 0, __ATOMIC_RELEASE);
    return signal;
}

void trace_signals_reset(void) {
    const struct trace_hsa *hsa = trace_hsa_get();
    struct hsp_trace_ring *ring = trace_mute();
    pthread_mutex_lock(&signals_lock);
    while (hsa && free_count > 0)
        hsa->signal_destroy((hsa_signal_t){free_signals[--free_count]});
    while (hsa && old_count > 0)
        hsa->signal_destroy((hsa_signal_t){old_signals[--old_count]});
    free_count = old_count = made_count = 0;
    pthread_mutex_unlock(&signals_lock);
    trace_unmute(ring);
    pthread_mutex_lock(&clocks_lock);
    clock_count = 0;
    pthread_mutex_unlock(&clocks_lock);
}

bool pending_init(struct pending_list *list, uint64_t queue_id, uint64_t agent) {
    *list = (struct pending_list){.queue_id = queue_id, .agent = agent};
    list->entries = calloc(PENDING_MAX, sizeof *list->entries);
    list->kept = calloc(PENDING_MAX, sizeof *list->kept);
    if (list->entries && list->kept)
        return true;
    free(list->entries);
    free(list->kept);
    *list = (struct pending_list){0};
    return false;
}

void pending_fini(struct pending_list *list) {
    spill(list, 0);
    for (uint64_t at = list->tail; at < list->head; at++)
        if (!list->entries[at % PENDING_MAX].is_done && list->entries[at % PENDING_MAX].is_own)
            keep(list, list->entries[at % PENDING_MAX].number,
                 list->entries[at % PENDING_MAX].signal);
    pthread_mutex_lock(&signals_lock);
    for (; list->kept_tail < list->kept_head; list->kept_tail++)
        old_signals[old_count++] = list->kept[list->kept_tail % PENDING_MAX].signal;
    pthread_mutex_unlock(&signals_lock);
    free(list->kept);
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

static bool read_times(struct pending_list *list, const struct pending *entry, uint64_t *out_start,
                       uint64_t *out_end) {
    if (!is_copy(list)) {
        const struct abi_signal *memory = (const struct abi_signal *)entry->signal;
        *out_end = __atomic_load_n(&memory->end_ts, __ATOMIC_ACQUIRE);
        *out_start = __atomic_load_n(&memory->start_ts, __ATOMIC_ACQUIRE);
        if (*out_end > list->last_end)
            list->last_end = *out_end;
        return convert(list->agent, out_start, out_end);
    }
    const struct trace_hsa *hsa = trace_hsa_get();
    hsa_amd_profiling_async_copy_time_t time = {0};
    struct hsp_trace_ring *ring = trace_mute();
    const bool known =
        hsa && hsa->get_copy_time((hsa_signal_t){entry->signal}, &time) == HSA_STATUS_SUCCESS;
    trace_unmute(ring);
    if (!known || time.end == 0)
        return false;
    *out_start = time.start;
    *out_end = time.end;
    return convert(0, out_start, out_end);
}

static void write_times(struct pending_list *list, const struct pending *entry) {
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
    if (with_times && entry->is_barrier && entry->number > list->settled)
        list->settled = entry->number;
    // A signal that may still be written to waits for a packet that began later.
    if (entry->is_own && with_times)
        give_back(list, entry->signal);
    else if (entry->is_own)
        keep(list, entry->number, entry->signal);
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

static bool is_hopeless(const struct pending_list *list, const struct pending *entry) {
    return entry->is_own &&
           (entry->number < list->settled ||
            (entry->is_doubtful && entry->number + DOUBT_PACKETS < list->consumed));
}

// Looks at some entries. Those before one that has completed are passed over: a queue may work out
// of order, and a packet whose signal came too late never completes.
static bool look(struct pending_list *list, uint64_t first, uint64_t count) {
    const uint64_t end = first + count < list->head ? first + count : list->head;
    uint64_t after_done = first;
    for (uint64_t at = first; at < end; at++) {
        struct pending *entry = entry_at(list, at);
        if (entry->is_done)
            continue;
        const bool is_over = has_completed(list, entry);
        if (!is_over && !is_hopeless(list, entry))
            continue;
        finish(list, entry, is_over);
        after_done = at + 1;
    }
    for (uint64_t at = first; at < after_done; at++) {
        struct pending *entry = entry_at(list, at);
        if (!entry->is_done && entry->is_doubtful)
            finish(list, entry, false);
    }
    if (after_done > list->cursor)
        list->cursor = after_done;
    advance(list);
    return after_done > first;
}

void pending_collect(struct pending_list *list, bool all) {
    if (list->cursor < list->tail)
        list->cursor = list->tail;
    if (all)
        look(list, list->tail, PENDING_MAX);
    else if (!look(list, list->cursor, COLLECT_STEP) && list->cursor > list->tail)
        look(list, list->tail, COLLECT_STEP);
}

void pending_doubt(struct pending_list *list) {
    if (list->head > list->tail)
        entry_at(list, list->head - 1)->is_doubtful = true;
}

void pending_barrier(struct pending_list *list) {
    if (list->head > list->tail)
        entry_at(list, list->head - 1)->is_barrier = true;
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
