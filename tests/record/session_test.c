/* SPDX-License-Identifier: MIT */
// Processes that write and one that reads: every event arrives once, in order, whatever becomes of
// the writer.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/session.h"
#include "record/writer.h"

#define CALLS   20000u
#define THREADS 8u

static uint16_t outer_id, inner_id;

// One call within another, at addresses of this thread's stack.
static void call_pair(uint64_t value) {
    struct hsp_trace_ring *ring = hsp_writer_ring();
    if (!ring)
        return;
    char frames[2];
    const uint64_t outer = (uint64_t)&frames[1], inner = (uint64_t)&frames[0];
    struct hsp_trace_open *open = hsp_writer_enter(ring, outer, outer_id, true);
    open->start_ticks = hsp_clock_read();
    open = hsp_writer_enter(ring, inner, inner_id, false);
    open->start_ticks = hsp_clock_read();
    hsp_writer_leave(ring, inner, hsp_clock_read(), value, value + 1, value + 2);
    hsp_writer_leave(ring, outer, hsp_clock_read(), value, 0, 0);
}

static void *call_many(void *count) {
    for (uint64_t i = 0; i < *(const uint32_t *)count; i++)
        call_pair(i);
    return NULL;
}

static void attach(const struct hsp_session *session) {
    setenv(HSP_SESSION_VARIABLE, hsp_session_path(session), 1);
    if (!hsp_writer_attach())
        _exit(40);
    outer_id = hsp_writer_name(HSP_LAYER_HIP, "outer");
    inner_id = hsp_writer_name(HSP_LAYER_HSA, "inner");
}

static void write_threads(uint32_t count) {
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, call_many, &count);
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

// What a reader has seen.
struct seen {
    uint64_t outer_count, inner_count, unfinished_count, wrong_count;
    uint32_t process_count, over_count;
    uint32_t threads[64];
    uint64_t next[64]; // value that the thread's next outer call has
    uint32_t thread_count;
    char open_names[128];
    char kernels[64]; // names of object 0x1000 before its first note, and at the event
    char module[64];
};

static uint32_t index_of(struct seen *seen, uint32_t thread) {
    uint32_t i = 0;
    while (i < seen->thread_count && seen->threads[i] != thread)
        i++;
    if (i == seen->thread_count && i < 63)
        seen->threads[seen->thread_count++] = thread;
    return i;
}

static void see_call(struct seen *seen, const struct hsp_session_process *process, uint32_t thread,
                     const struct hsp_trace_event *event) {
    const bool is_inner = strcmp(hsp_session_name(process, event->id), "inner") == 0;
    const uint64_t length = event->end_ticks - event->start_ticks;
    seen->inner_count += is_inner;
    seen->outer_count += !is_inner;
    bool right = event->depth == is_inner && event->start_ticks <= event->end_ticks &&
                 event->child_ticks <= length;
    if (is_inner)
        right &= strcmp(hsp_session_name(process, event->parent_id), "outer") == 0 &&
                 event->root_id == event->parent_id && event->parent_seq + 1 == event->seq &&
                 event->detail[0] == event->value + 1 && event->detail[1] == event->value + 2 &&
                 hsp_session_layer(process, event->id) == HSP_LAYER_HSA;
    else
        right &= event->parent_id == HSP_TRACE_NO_ID &&
                 event->value == seen->next[index_of(seen, thread)]++;
    seen->wrong_count += !right;
    const char *oldest = hsp_session_kernel(process, 0x1000, 0);
    const char *newest = hsp_session_kernel(process, 0x1000, event->start_ticks);
    snprintf(seen->kernels, sizeof seen->kernels, "%s %s", oldest ? oldest : "-",
             newest ? newest : "-");
    uint64_t offset = 0;
    const char *module = hsp_session_module(process, 0x4567, &offset);
    snprintf(seen->module, sizeof seen->module, "%s+%llx", module ? module : "-",
             (unsigned long long)offset);
}

static void see_event(void *data, const struct hsp_session_process *process, uint32_t thread,
                      const struct hsp_trace_event *event) {
    struct seen *seen = data;
    if (event->kind == HSP_TRACE_CALL) {
        see_call(seen, process, thread, event);
    } else if (event->kind == HSP_TRACE_UNFINISHED) {
        seen->unfinished_count++;
        const size_t used = strlen(seen->open_names);
        snprintf(seen->open_names + used, sizeof seen->open_names - used, "%s",
                 hsp_session_name(process, event->id));
    } else {
        seen->wrong_count++;
    }
}

static void see_process(void *data, const struct hsp_session_process *process) {
    struct seen *seen = data;
    seen->process_count += !process->is_over;
    seen->over_count += process->is_over;
}

static struct hsp_session *create(struct hsp_session_options options) {
    struct hsp_session *session = NULL;
    assert_int_equal(hsp_session_create(&options, &session), HSP_OK);
    return session;
}

// Reads until the child has ended; returns its wait status.
static int read_all(struct hsp_session *session, pid_t child, struct seen *seen) {
    const struct hsp_session_sink sink = {.process = see_process, .event = see_event, .data = seen};
    uint64_t count;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0)
        assert_int_equal(hsp_session_poll(session, &sink, false, &count), HSP_OK);
    assert_int_equal(hsp_session_poll(session, &sink, true, &count), HSP_OK);
    return status;
}

static void every_event_of_every_thread_arrives_once_and_in_order(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){.waits = true});
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        write_threads(CALLS);
        _exit(0);
    }
    struct seen seen = {0};
    assert_int_equal(read_all(session, child, &seen), 0);
    assert_int_equal(seen.outer_count, THREADS * CALLS);
    assert_int_equal(seen.inner_count, THREADS * CALLS);
    assert_int_equal(seen.wrong_count, 0);
    assert_int_equal(seen.thread_count, THREADS);
    assert_int_equal(seen.process_count, 1);
    assert_int_equal(seen.over_count, 1);
    assert_int_equal(hsp_session_dropped_count(session), 0);
    hsp_session_destroy(session);
}

static void a_killed_process_leaves_its_events_and_open_calls(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){0});
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        for (uint64_t i = 0; i < 100; i++)
            call_pair(i);
        char frames[3];
        struct hsp_trace_ring *ring = hsp_writer_ring();
        hsp_writer_enter(ring, (uint64_t)&frames[2], outer_id, true)->start_ticks =
            hsp_clock_read();
        hsp_writer_enter(ring, (uint64_t)&frames[1], inner_id, false)->start_ticks =
            hsp_clock_read();
        hsp_writer_enter(ring, (uint64_t)&frames[0], inner_id, false); // and is killed here
        raise(SIGKILL);
    }
    struct seen seen = {0};
    assert_true(WIFSIGNALED(read_all(session, child, &seen)));
    assert_int_equal(seen.outer_count, 100);
    assert_int_equal(seen.unfinished_count, 2);
    assert_string_equal(seen.open_names, "outerinner");
    assert_int_equal(seen.wrong_count, 0);
    hsp_session_destroy(session);
}

static void a_full_ring_drops_new_events_and_counts_them(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){.ring_capacity = 64});
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        for (uint64_t i = 0; i < 100; i++)
            call_pair(i);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child); // nobody reads meanwhile
    assert_int_equal(status, 0);
    struct seen seen = {0};
    const struct hsp_session_sink sink = {.event = see_event, .data = &seen};
    uint64_t count;
    assert_int_equal(hsp_session_poll(session, &sink, true, &count), HSP_OK);
    // One place went to the thread's own event.
    assert_int_equal(seen.outer_count + seen.inner_count, 63);
    assert_int_equal(hsp_session_dropped_count(session), 200 - 63);
    hsp_session_destroy(session);
}

static void a_forked_child_records_into_a_file_of_its_own(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){.waits = true});
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        for (uint64_t i = 0; i < 1000; i++)
            call_pair(i);
        const pid_t grandchild = fork();
        for (uint64_t i = 0; i < 1000; i++)
            call_pair(grandchild ? i + 1000 : i);
        int status = 0;
        if (grandchild)
            waitpid(grandchild, &status, 0);
        _exit(status != 0);
    }
    struct seen seen = {0};
    assert_int_equal(read_all(session, child, &seen), 0);
    assert_int_equal(seen.outer_count, 3000);
    assert_int_equal(seen.inner_count, 3000);
    assert_int_equal(seen.wrong_count, 0);
    assert_int_equal(seen.process_count, 2);
    assert_int_equal(seen.thread_count, 2);
    hsp_session_destroy(session);
}

static void threads_that_come_and_go_reuse_rings(void **state) {
    (void)state;
    enum { GENERATIONS = 200 };
    struct hsp_session *session = create((struct hsp_session_options){.ring_capacity = 256});
    int go[2];
    assert_int_equal(pipe(go), 0);
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        uint32_t count = 3;
        for (int i = 0; i < GENERATIONS; i++) {
            pthread_t thread;
            char byte;
            pthread_create(&thread, NULL, call_many, &count);
            pthread_join(thread, NULL);
            if (read(go[0], &byte, 1) != 1)
                _exit(41);
        }
        _exit(hsp_process_page->ring_count > 2);
    }
    struct seen seen = {0};
    const struct hsp_session_sink sink = {.event = see_event, .data = &seen};
    for (int i = 0; i < GENERATIONS; i++) {
        uint64_t count;
        while (seen.outer_count < 3u * (unsigned)(i + 1)) {
            assert_int_equal(hsp_session_poll(session, &sink, false, &count), HSP_OK);
            seen.thread_count = 0; // their values begin anew
            memset(seen.next, 0, sizeof seen.next);
            seen.wrong_count = 0;
        }
        assert_int_equal(write(go[1], "x", 1), 1);
    }
    assert_int_equal(read_all(session, child, &seen), 0);
    assert_int_equal(seen.outer_count, 3 * GENERATIONS);
    close(go[0]);
    close(go[1]);
    hsp_session_destroy(session);
}

static void what_longjmp_skips_does_not_stay_open(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){0});
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        char frames[3];
        struct hsp_trace_ring *ring = hsp_writer_ring();
        hsp_writer_enter(ring, (uint64_t)&frames[2], outer_id, true)->start_ticks = 1;
        hsp_writer_enter(ring, (uint64_t)&frames[0], inner_id, false)->start_ticks = 2;
        // Control is back in frame 2, which calls again.
        hsp_writer_enter(ring, (uint64_t)&frames[1], inner_id, false)->start_ticks = 3;
        if (ring->depth != 2)
            _exit(42);
        hsp_writer_leave(ring, (uint64_t)&frames[1], 5, 7, 8, 9);
        hsp_writer_leave(ring, (uint64_t)&frames[2], 6, 0, 0, 0);
        _exit(ring->depth != 0);
    }
    struct seen seen = {0};
    assert_int_equal(read_all(session, child, &seen), 0);
    assert_int_equal(seen.unfinished_count, 0);
    assert_int_equal(seen.inner_count, 1);
    assert_int_equal(seen.outer_count, 1);
    hsp_session_destroy(session);
}

static void a_recorded_program_pauses_its_own_session(void **state) {
    (void)state;
    struct hsp_session *session;
    unsetenv(HSP_SESSION_VARIABLE);
    assert_null(hsp_session_flag());
    setenv(HSP_SESSION_VARIABLE, "/nowhere", 1);
    assert_null(hsp_session_flag());
    assert_int_equal(hsp_session_create(&(struct hsp_session_options){0}, &session), HSP_OK);
    setenv(HSP_SESSION_VARIABLE, hsp_session_path(session), 1);
    uint32_t *flag = hsp_session_flag();
    assert_non_null(flag);
    assert_int_equal(*flag, 1);
    __atomic_store_n(flag, 0, __ATOMIC_RELEASE);
    assert_false(hsp_session_is_active(session));
    hsp_session_set_active(session, true);
    assert_int_equal(*flag, 1);
    hsp_session_destroy(session);
}

static void what_a_killed_owner_left_is_removed(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct hsp_session *session = NULL;
        if (hsp_session_create(&(struct hsp_session_options){0}, &session) != HSP_OK)
            _exit(43);
        const char *path = hsp_session_path(session);
        if (write(ends[1], path, strlen(path) + 1) < 0)
            _exit(44);
        raise(SIGKILL);
    }
    int status;
    char path[256] = "";
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(read(ends[0], path, sizeof path) > 0);
    assert_int_equal(access(path, F_OK), 0);
    struct hsp_session *session = create((struct hsp_session_options){0});
    assert_int_not_equal(access(path, F_OK), 0);
    hsp_session_destroy(session);
    close(ends[0]);
    close(ends[1]);
}

static void damaged_files_are_refused_or_read_within_their_bounds(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){.ring_capacity = 64});
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        call_pair(0);
        hsp_thread_ring->ring.head += UINT64_C(1) << 40;
        hsp_thread_ring->depth = 1u << 30;
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    struct seen seen = {0};
    const struct hsp_session_sink sink = {.event = see_event, .data = &seen};
    uint64_t count = 0;
    assert_int_equal(hsp_session_poll(session, &sink, true, &count), HSP_OK);
    assert_int_equal(count, 64);
    char path[256];
    snprintf(path, sizeof path, "%s/1-0", hsp_session_path(session));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("too short", file);
    fclose(file);
    assert_int_not_equal(hsp_session_poll(session, &sink, true, &count), HSP_OK);
    hsp_session_destroy(session);
}

static void a_process_that_cannot_be_recorded_is_counted_with_its_reason(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){0});
    struct hsp_session_losses losses;
    hsp_session_losses(session, &losses);
    assert_int_equal(losses.process_count, 0);
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){HSP_PROCESS_PAGE_BYTES, RLIM_INFINITY});
        setenv(HSP_SESSION_VARIABLE, hsp_session_path(session), 1);
        _exit(hsp_writer_attach());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    hsp_session_losses(session, &losses);
    assert_int_equal(losses.process_count, 1);
    assert_int_equal(losses.error, EFBIG);
    hsp_session_destroy(session);
}

static void a_session_that_has_no_room_says_why(void **state) {
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        struct hsp_session *session;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){16, RLIM_INFINITY});
        if (hsp_session_create(&(struct hsp_session_options){0}, &session) !=
            HSP_STATUS(HSP_DOMAIN_ERRNO, EFBIG))
            _exit(1);
        _exit(strstr(hsp_last_error(), ": File too large") ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_program_that_closes_everything_is_still_recorded(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){0});
    FILE *other = tmpfile();
    assert_non_null(other);
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        const int own = fileno(other);
        for (int fd = own + 1; fd < 1024; fd++)
            close(fd);
        // A file of the program's stands where the recording's was.
        for (int fd = 700; fd < 720; fd++)
            dup2(own, fd);
        write_threads(100);
        struct stat file;
        _exit(fstat(own, &file) != 0 || file.st_blocks != 0);
    }
    struct seen seen = {0};
    assert_int_equal(read_all(session, child, &seen), 0);
    assert_int_equal(seen.outer_count, THREADS * 100);
    fclose(other);
    hsp_session_destroy(session);
}

static void kernels_are_named_by_their_time_and_names_by_pattern(void **state) {
    (void)state;
    struct hsp_session *session = create((struct hsp_session_options){.names = "hsa_q*,hipMalloc"});
    const pid_t child = fork();
    if (child == 0) {
        attach(session);
        hsp_writer_note(HSP_NOTE_KERNEL, 0x1000, 0, "before");
        hsp_writer_note(HSP_NOTE_KERNEL, 0x1000, 0, "after");
        hsp_writer_note(HSP_NOTE_MODULE, 0x4000, 0x5000, "/lib/a.so");
        call_pair(0);
        _exit(!hsp_writer_wants("hsa_queue_create") || !hsp_writer_wants("hipMalloc") ||
              hsp_writer_wants("hipMallocHost"));
    }
    struct seen seen = {0};
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    const struct hsp_session_sink sink = {.event = see_event, .data = &seen};
    uint64_t count;
    assert_int_equal(hsp_session_poll(session, &sink, true, &count), HSP_OK);
    assert_int_equal(seen.outer_count, 1);
    assert_string_equal(seen.kernels, "before after");
    assert_string_equal(seen.module, "/lib/a.so+567");
    hsp_session_destroy(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_of_every_thread_arrives_once_and_in_order),
        cmocka_unit_test(a_killed_process_leaves_its_events_and_open_calls),
        cmocka_unit_test(a_full_ring_drops_new_events_and_counts_them),
        cmocka_unit_test(a_forked_child_records_into_a_file_of_its_own),
        cmocka_unit_test(threads_that_come_and_go_reuse_rings),
        cmocka_unit_test(what_longjmp_skips_does_not_stay_open),
        cmocka_unit_test(what_a_killed_owner_left_is_removed),
        cmocka_unit_test(a_recorded_program_pauses_its_own_session),
        cmocka_unit_test(damaged_files_are_refused_or_read_within_their_bounds),
        cmocka_unit_test(a_process_that_cannot_be_recorded_is_counted_with_its_reason),
        cmocka_unit_test(a_session_that_has_no_room_says_why),
        cmocka_unit_test(a_program_that_closes_everything_is_still_recorded),
        cmocka_unit_test(kernels_are_named_by_their_time_and_names_by_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
