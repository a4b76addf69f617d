/* SPDX-License-Identifier: MIT */
#include "record/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "record/process.h"

#define CAPACITY_DEFAULT 65536u
#define CAPACITY_MAX     (1u << 22)
#define DIRECTORY_PREFIX "hsaprobe-"
#define POLLS_PER_LOOK   8u
#define RINGS_WANTED     8u
#define RINGS_NEEDED     2u

struct hsp_session {
    char *path;
    struct hsp_session_page *page;
    struct hsp_process **processes; // in the order of their numbers; NULL once they are over
    uint32_t process_count;
    uint64_t dropped_count; // of the processes that are over
    uint64_t hook_ticks;    // of the same
    uint32_t poll_count;
};

static const char *const layer_names[HSP_LAYER_COUNT] = {"span",  "hip", "hsa",
                                                         "thunk", "os",  "device"};

const char *hsp_layer_name(enum hsp_trace_layer layer) {
    return (unsigned)layer < HSP_LAYER_COUNT ? layer_names[layer] : NULL;
}

static void remove_directory(const char *path) {
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)))
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
    rmdir(path);
}

// What owners that were killed left behind.
static void remove_stale(const char *place) {
    DIR *directory = opendir(place);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        char path[PATH_MAX], file[PATH_MAX + 16];
        struct hsp_session_page page;
        if (strncmp(entry->d_name, DIRECTORY_PREFIX, strlen(DIRECTORY_PREFIX)) != 0 ||
            snprintf(path, sizeof path, "%s/%s", place, entry->d_name) >= (int)sizeof path)
            continue;
        snprintf(file, sizeof file, "%s/" HSP_SESSION_FILE, path);
        const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        const bool is_session = fd >= 0 && read(fd, &page, sizeof page) == sizeof page &&
                                page.magic == HSP_TRACE_MAGIC && page.owner_pid > 0;
        if (fd >= 0)
            close(fd);
        if (is_session && kill(page.owner_pid, 0) != 0 && errno == ESRCH)
            remove_directory(path);
    }
    if (directory)
        closedir(directory);
}

static uint32_t capacity_of(const struct hsp_session_options *options) {
    return options->ring_capacity ? options->ring_capacity : CAPACITY_DEFAULT;
}

static uint64_t free_bytes(const char *place) {
    struct statvfs system;
    return statvfs(place, &system) == 0 ? (uint64_t)system.f_bavail * system.f_frsize : 0;
}

static bool make_directory_in(struct hsp_session *session, const char *place) {
    char *path = NULL;
    if (asprintf(&path, "%s/" DIRECTORY_PREFIX "XXXXXX", place) < 0)
        return false;
    if (!mkdtemp(path)) {
        free(path);
        return false;
    }
    session->path = path;
    return true;
}

// Shared memory, unless it is too small for some threads (as in containers) and a disk isn't.
static hsp_status make_directory(struct hsp_session *session,
                                 const struct hsp_session_options *options) {
    const char *temporary = getenv("TMPDIR");
    const char *const places[] = {"/dev/shm", temporary && temporary[0] ? temporary : "/tmp"};
    enum { PLACES = sizeof places / sizeof *places };
    const uint32_t capacity = capacity_of(options);
    uint64_t room[PLACES];
    for (size_t i = 0; i < PLACES; i++) {
        remove_stale(places[i]);
        room[i] = free_bytes(places[i]);
    }
    for (size_t i = 0; i < PLACES; i++)
        if (room[i] >= hsp_trace_ring_offset(capacity, RINGS_WANTED) &&
            make_directory_in(session, places[i]))
            return HSP_OK;
    for (size_t i = 0; i < PLACES; i++)
        if (room[i] >= hsp_trace_ring_offset(capacity, RINGS_NEEDED) &&
            make_directory_in(session, places[i]))
            return HSP_OK;
    return hsp_fail(HSP_ERROR_FULL,
                    "a recording needs %llu MiB in a folder that can be written: /dev/shm has %llu "
                    "free, %s %llu (TMPDIR names another)",
                    (unsigned long long)hsp_trace_ring_offset(capacity, RINGS_WANTED) >> 20,
                    (unsigned long long)room[0] >> 20, places[1],
                    (unsigned long long)room[1] >> 20);
}

static bool copy_text(char *to, const char *text) {
    return !text || snprintf(to, HSP_SESSION_TEXT_BYTES, "%s", text) < HSP_SESSION_TEXT_BYTES;
}

static hsp_status fill_page(struct hsp_session_page *page,
                            const struct hsp_session_options *options) {
    const uint32_t capacity = capacity_of(options);
    if (capacity & (capacity - 1) || capacity > CAPACITY_MAX || capacity < 64)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT,
                        "a ring of %u events: expected a power of two from 64 to %u", capacity,
                        CAPACITY_MAX);
    hsp_clock_calibrate();
    *page = (struct hsp_session_page){
        .is_active = !options->is_paused,
        .magic = HSP_TRACE_MAGIC,
        .version = HSP_TRACE_VERSION,
        .ring_capacity = capacity,
        .layers = options->layers ? options->layers : (1u << HSP_LAYER_COUNT) - 1,
        .waits = options->waits,
        .stacks = options->stacks,
        .uses_counter = hsp_clock_uses_counter,
        .owner_pid = (int32_t)getpid(),
        .ns_multiplier = hsp_clock_ns_multiplier,
        .start_calls = options->start_name ? options->start_calls : 0,
        .stop_calls = options->stop_name ? options->stop_calls : 0,
    };
    if (!copy_text(page->names, options->names) ||
        !copy_text(page->start_name, options->start_name) ||
        !copy_text(page->stop_name, options->stop_name))
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "names to record: longer than %d bytes",
                        HSP_SESSION_TEXT_BYTES - 1);
    return HSP_OK;
}

static hsp_status make_page(struct hsp_session *session,
                            const struct hsp_session_options *options) {
    char *path = NULL;
    if (asprintf(&path, "%s/" HSP_SESSION_FILE, session->path) < 0)
        return hsp_fail_memory("a session");
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    free(path);
    const int error = fd < 0 ? errno : posix_fallocate(fd, 0, HSP_TRACE_PAGE_BYTES);
    if (error) {
        if (fd >= 0)
            close(fd);
        return hsp_fail_errno(error, "cannot write in %s", session->path);
    }
    void *page = mmap(NULL, HSP_TRACE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        return hsp_fail_errno(errno, "cannot map a page of %s", session->path);
    session->page = page;
    return fill_page(session->page, options);
}

hsp_status hsp_session_create(const struct hsp_session_options *options,
                              struct hsp_session **out_session) {
    struct hsp_session *session = calloc(1, sizeof *session);
    if (!session)
        return hsp_fail_memory("a session");
    hsp_status status = make_directory(session, options);
    if (status != HSP_OK) {
        free(session);
        return status;
    }
    status = make_page(session, options);
    if (status != HSP_OK)
        hsp_session_destroy(session);
    else
        *out_session = session;
    return status;
}

void hsp_session_destroy(struct hsp_session *session) {
    if (!session)
        return;
    if (session->page) {
        __atomic_store_n(&session->page->is_active, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&session->page->is_closed, 1, __ATOMIC_RELEASE);
        munmap(session->page, HSP_TRACE_PAGE_BYTES);
    }
    for (uint32_t i = 0; i < session->process_count; i++)
        hsp_process_close(session->processes[i]);
    free(session->processes);
    remove_directory(session->path);
    free(session->path);
    free(session);
}

const char *hsp_session_path(const struct hsp_session *session) {
    return session->path;
}

void hsp_session_set_active(struct hsp_session *session, bool active) {
    __atomic_store_n(&session->page->is_active, active, __ATOMIC_RELEASE);
}

bool hsp_session_is_active(const struct hsp_session *session) {
    return __atomic_load_n(&session->page->is_active, __ATOMIC_ACQUIRE);
}

uint32_t *hsp_session_flag(void) {
    const char *directory = getenv(HSP_SESSION_VARIABLE);
    char *path = NULL;
    if (!directory || asprintf(&path, "%s/" HSP_SESSION_FILE, directory) < 0)
        return NULL;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return NULL;
    struct hsp_session_page *page =
        mmap(NULL, HSP_TRACE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : &page->is_active;
}

static bool is_known(const struct hsp_session *session, const char *name) {
    for (uint32_t i = 0; i < session->process_count; i++)
        if (session->processes[i] && strcmp(session->processes[i]->name, name) == 0)
            return true;
    return false;
}

static hsp_status add_process(struct hsp_session *session, int directory_fd, const char *name) {
    struct hsp_process **grown =
        reallocarray(session->processes, session->process_count + 1, sizeof(struct hsp_process *));
    if (!grown)
        return hsp_fail_memory("a process");
    session->processes = grown;
    struct hsp_process *process = NULL;
    const hsp_status status =
        hsp_process_open(directory_fd, name, session->process_count, &process);
    if (status == HSP_OK)
        session->processes[session->process_count++] = process;
    return status;
}

// A process's file is complete as soon as it has its name, which begins with the pid.
static hsp_status find_processes(struct hsp_session *session) {
    DIR *directory = opendir(session->path);
    if (!directory)
        return hsp_fail_errno(errno, "cannot read %s", session->path);
    hsp_status status = HSP_OK;
    struct dirent *entry;
    while (status == HSP_OK && (entry = readdir(directory)))
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && !is_known(session, entry->d_name))
            status = add_process(session, dirfd(directory), entry->d_name);
    closedir(directory);
    return status;
}

// The next image of the same process is its successor after exec.
static bool has_successor(const struct hsp_session *session, uint32_t index) {
    for (uint32_t i = index + 1; i < session->process_count; i++)
        if (session->processes[i] &&
            session->processes[i]->public.pid == session->processes[index]->public.pid)
            return true;
    return false;
}

static bool has_ended(const struct hsp_session *session, uint32_t index) {
    return has_successor(session, index) ||
           (kill(session->processes[index]->public.pid, 0) != 0 && errno == ESRCH);
}

static void end_process(struct hsp_session *session, uint32_t index,
                        const struct hsp_session_sink *sink) {
    struct hsp_process *process = session->processes[index];
    hsp_process_deliver_open_calls(process, sink);
    process->public.is_over = true;
    if (sink->process)
        sink->process(sink->data, &process->public);
    session->dropped_count += hsp_process_dropped_count(process);
    session->hook_ticks += hsp_process_hook_ticks(process);
    char *path = NULL;
    if (asprintf(&path, "%s/%s", session->path, process->name) >= 0) {
        unlink(path);
        free(path);
    }
    hsp_process_close(process);
    session->processes[index] = NULL;
}

hsp_status hsp_session_poll(struct hsp_session *session, const struct hsp_session_sink *sink,
                            bool is_last, uint64_t *out_event_count) {
    // New processes keep what they write until they are found.
    const bool looks =
        is_last || session->process_count == 0 || session->poll_count++ % POLLS_PER_LOOK == 0;
    hsp_status status = looks ? find_processes(session) : HSP_OK;
    uint64_t count = 0;
    for (uint32_t i = 0; i < session->process_count && status == HSP_OK; i++) {
        struct hsp_process *process = session->processes[i];
        if (!process)
            continue;
        // Asked first: what is read afterwards is all there is.
        const bool is_over = is_last || has_ended(session, i);
        if (sink->process && !process->is_announced)
            sink->process(sink->data, &process->public);
        process->is_announced = true;
        status = hsp_process_drain(process, sink, &count);
        if (status == HSP_OK && is_over)
            end_process(session, i, sink);
    }
    *out_event_count = count;
    return status;
}

uint64_t hsp_session_dropped_count(const struct hsp_session *session) {
    uint64_t count = session->dropped_count;
    for (uint32_t i = 0; i < session->process_count; i++)
        if (session->processes[i])
            count += hsp_process_dropped_count(session->processes[i]);
    return count;
}

void hsp_session_losses(const struct hsp_session *session, struct hsp_session_losses *out_losses) {
    const struct hsp_session_page *page = session->page;
    *out_losses = (struct hsp_session_losses){
        .process_count = __atomic_load_n(&page->lost_processes, __ATOMIC_ACQUIRE),
        .thread_count = __atomic_load_n(&page->lost_threads, __ATOMIC_ACQUIRE),
        .error = __atomic_load_n(&page->lost_error, __ATOMIC_RELAXED),
    };
}

uint64_t hsp_session_hook_ticks(const struct hsp_session *session) {
    uint64_t ticks = session->hook_ticks;
    for (uint32_t i = 0; i < session->process_count; i++)
        if (session->processes[i])
            ticks += hsp_process_hook_ticks(session->processes[i]);
    return ticks;
}
