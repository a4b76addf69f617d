/* SPDX-License-Identifier: MIT */
#include "record/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Calls of a thread without a ring before it looks for one again.
#define RETRY_EVENTS 4096u

_Thread_local struct hsp_trace_ring *hsp_thread_ring __attribute__((tls_model("initial-exec")));
struct hsp_session_page *hsp_session_page;
struct hsp_process_page *hsp_process_page;

static _Thread_local bool thread_has_ended __attribute__((tls_model("initial-exec")));
static _Thread_local uint32_t thread_slot __attribute__((tls_model("initial-exec")));
static _Thread_local uint32_t thread_lost_count __attribute__((tls_model("initial-exec")));
static char directory[PATH_MAX];
static char session_path[PATH_MAX];
static char process_path[PATH_MAX];
static struct stat process_file;
static _Atomic int process_fd = -1; // use file_fd(): the program may have closed it
static pthread_key_t end_key;
static pthread_mutex_t attach_lock = PTHREAD_MUTEX_INITIALIZER;
static bool was_tried;

// By system call: these must not meet the functions that the tracer or the software GPU define.
static int raw_open(const char *path, int flags, mode_t mode) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

static void raw_close(int fd) {
    syscall(SYS_close, fd);
}

// Says in the session what couldn't be recorded: nobody else would know.
static void note_loss(uint32_t *counter) {
    __atomic_store_n(&hsp_session_page->lost_error, errno, __ATOMIC_RELAXED);
    __atomic_fetch_add(counter, 1, __ATOMIC_RELEASE);
}

// Room on the file system itself: without it the process would die later, of SIGBUS.
static bool reserve(int fd, uint64_t offset, uint64_t bytes) {
    static const char zeros[HSP_TRACE_PAGE_BYTES];
    if (syscall(SYS_fallocate, fd, 0, offset, bytes) == 0)
        return true;
    if (errno != EOPNOTSUPP)
        return false;
    for (uint64_t at = 0; at < bytes; at += sizeof zeros)
        if (syscall(SYS_pwrite64, fd, zeros, sizeof zeros, offset + at) != (long)sizeof zeros)
            return false;
    return true;
}

#ifdef __SANITIZE_THREAD__ // it learns from libc that an address is another memory now
static void *map_shared(int fd, uint64_t bytes, uint64_t offset) {
    void *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    return address == MAP_FAILED ? NULL : address;
}

static void unmap(void *address, uint64_t bytes) {
    munmap(address, bytes);
}
#else // libc's functions are recorded
static void *map_shared(int fd, uint64_t bytes, uint64_t offset) {
    const long address =
        syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    return address == -1 ? NULL : (void *)address;
}

static void unmap(void *address, uint64_t bytes) {
    syscall(SYS_munmap, address, bytes);
}
#endif

static char *notes(void) {
    return (char *)hsp_process_page + HSP_PROCESS_PAGE_BYTES;
}

// Numbers this image of the process: exec keeps the pid and changes these bytes.
static uint64_t image_random(void) {
    uint64_t bytes = 0;
    const void *random = (const void *)getauxval(AT_RANDOM);
    if (random)
        memcpy(&bytes, random, sizeof bytes);
    return bytes;
}

static bool open_session(void) {
    const char *path = getenv(HSP_SESSION_VARIABLE);
    if (!path || !path[0])
        return false;
    const int length = snprintf(session_path, sizeof session_path, "%s/" HSP_SESSION_FILE, path);
    if (length < 0 || (size_t)length >= sizeof session_path)
        return false;
    const int fd = raw_open(session_path, O_RDWR, 0);
    if (fd < 0)
        return false;
    struct hsp_session_page *page = map_shared(fd, HSP_TRACE_PAGE_BYTES, 0);
    raw_close(fd);
    if (!page)
        return false;
    if (page->magic != HSP_TRACE_MAGIC || page->version != HSP_TRACE_VERSION) {
        unmap(page, HSP_TRACE_PAGE_BYTES);
        return false;
    }
    snprintf(directory, sizeof directory, "%s", path);
    hsp_clock_uses_counter = page->uses_counter;
    hsp_session_page = page;
    return true;
}

// A file descriptor that the program won't meet: programs close low ones by number.
static int move_away(int fd) {
    const int high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 700);
    if (high < 0)
        return fd;
    raw_close(fd);
    return high;
}

static void fill_page(struct hsp_process_page *page) {
    *page = (struct hsp_process_page){
        .magic = HSP_TRACE_MAGIC,
        .version = HSP_TRACE_VERSION,
        .pid = (int32_t)getpid(),
        .parent_pid = (int32_t)getppid(),
        .ring_capacity = hsp_session_page->ring_capacity,
        .start_ticks = hsp_clock_read(),
    };
}

// A child begins with what its parent had noted.
static void copy_page(struct hsp_process_page *page, const struct hsp_process_page *old) {
    fill_page(page);
    const uint64_t end = __atomic_load_n(&old->notes_end, __ATOMIC_ACQUIRE);
    const uint64_t used = end < HSP_TRACE_NOTES_BYTES ? end : HSP_TRACE_NOTES_BYTES;
    memcpy((char *)page + HSP_PROCESS_PAGE_BYTES, (const char *)old + HSP_PROCESS_PAGE_BYTES, used);
    page->notes_end = end;
    page->name_count = old->name_count;
    page->inside_ticks = old->inside_ticks;
    page->outside_ticks = old->outside_ticks;
    page->table_seen = old->table_seen;
}

static bool is_process_file(int fd) {
    struct stat file;
    return syscall(SYS_fstat, fd, &file) == 0 && file.st_dev == process_file.st_dev &&
           file.st_ino == process_file.st_ino;
}

// The process's file. Programs that become daemons close all numbers there are, and theirs may come
// to stand there instead. -1 and errno when it can't be had any more.
static int file_fd(void) {
    int old = atomic_load(&process_fd);
    if (is_process_file(old))
        return old;
    int fd = raw_open(process_path, O_RDWR, 0);
    if (fd < 0)
        return -1;
    fd = move_away(fd);
    if (atomic_compare_exchange_strong(&process_fd, &old, fd))
        return fd;
    raw_close(fd); // another thread was faster
    return old;
}

static struct hsp_process_page *map_process(int fd) {
    return map_shared(fd, HSP_PROCESS_PAGE_BYTES + HSP_TRACE_NOTES_BYTES, 0);
}

// Made under another name first, so that nobody sees it half filled.
static int create_process(const char *path, const struct hsp_process_page *old) {
    char hidden[PATH_MAX];
    if (snprintf(hidden, sizeof hidden, "%.*s/.%d-%d", PATH_MAX - 40, directory, (int)getpid(),
                 (int)gettid()) < 0)
        return -1;
    const int fd = raw_open(hidden, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return -1;
    const uint64_t end =
        hsp_trace_ring_offset(hsp_session_page->ring_capacity, HSP_TRACE_RINGS_MAX);
    struct hsp_process_page *page = NULL;
    if (syscall(SYS_ftruncate, fd, end) == 0 &&
        reserve(fd, 0, HSP_PROCESS_PAGE_BYTES + HSP_TRACE_NOTES_BYTES))
        page = map_process(fd);
    bool made = false;
    if (page) {
        if (old)
            copy_page(page, old);
        else
            fill_page(page);
        made = link(hidden, path) == 0;
        unmap(page, HSP_PROCESS_PAGE_BYTES + HSP_TRACE_NOTES_BYTES);
    }
    const int error = errno;
    unlink(hidden);
    if (made)
        return fd;
    raw_close(fd);
    errno = error;
    return -1;
}

static bool open_process(const struct hsp_process_page *old) {
    if (snprintf(process_path, sizeof process_path, "%.*s/%d-%016llx", PATH_MAX - 40, directory,
                 (int)getpid(), (unsigned long long)image_random()) < 0)
        return false;
    int fd = raw_open(process_path, O_RDWR, 0);
    if (fd < 0)
        fd = create_process(process_path, old);
    if (fd < 0 && errno == EEXIST)
        fd = raw_open(process_path, O_RDWR, 0); // another object was faster
    if (fd < 0)
        return false;
    fd = move_away(fd);
    struct hsp_process_page *page = map_process(fd);
    if (!page || syscall(SYS_fstat, fd, &process_file) != 0) {
        raw_close(fd);
        return false;
    }
    atomic_store(&process_fd, fd);
    hsp_process_page = page;
    return true;
}

static void *map_ring(uint32_t index) {
    const uint32_t capacity = hsp_process_page->ring_capacity;
    const int fd = file_fd();
    const uint64_t offset = hsp_trace_ring_offset(capacity, index);
    const uint64_t bytes = hsp_trace_ring_bytes(capacity);
    const bool has_memory =
        __atomic_load_n(&hsp_process_page->slots[index].has_memory, __ATOMIC_ACQUIRE);
    return has_memory || reserve(fd, offset, bytes) ? map_shared(fd, bytes, offset) : NULL;
}

static struct hsp_trace_ring *take_slot(uint32_t index, uint32_t thread) {
    struct hsp_trace_ring *ring = map_ring(index);
    struct hsp_trace_slot *slot = &hsp_process_page->slots[index];
    if (!ring) {
        __atomic_store_n(&slot->state, HSP_RING_FREE, __ATOMIC_RELEASE);
        return NULL;
    }
    ring->ring.capacity = hsp_process_page->ring_capacity;
    ring->depth = 0;
    ring->is_busy = 0;
    ring->is_muted = 0;
    __atomic_store_n(&ring->thread, thread, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->thread, thread, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->has_memory, 1, __ATOMIC_RELEASE);
    struct hsp_trace_event *event = hsp_writer_claim(ring);
    if (event) {
        *event = (struct hsp_trace_event){
            .start_ticks = hsp_clock_read(), .value = thread, .kind = HSP_TRACE_THREAD};
        hsp_writer_commit(ring);
    }
    thread_slot = index;
    return ring;
}

static bool is_drained(uint32_t index) {
    const uint64_t offset = hsp_trace_ring_offset(hsp_process_page->ring_capacity, index);
    struct hsp_ring ring;
    return syscall(SYS_pread64, file_fd(), &ring, sizeof ring, offset) == sizeof ring &&
           ring.head == ring.tail;
}

static bool try_slot(struct hsp_trace_slot *slot) {
    uint32_t is_free = HSP_RING_FREE;
    return __atomic_compare_exchange_n(&slot->state, &is_free, HSP_RING_TAKEN, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static struct hsp_trace_ring *find_ring(uint32_t thread) {
    struct hsp_process_page *page = hsp_process_page;
    uint32_t count = __atomic_load_n(&page->ring_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count && i < HSP_TRACE_RINGS_MAX; i++)
        if (__atomic_load_n(&page->slots[i].thread, __ATOMIC_ACQUIRE) == thread &&
            __atomic_load_n(&page->slots[i].state, __ATOMIC_ACQUIRE) == HSP_RING_TAKEN) {
            thread_slot = i; // taken by another object of this process
            return map_ring(i);
        }
    for (uint32_t i = 0; i < count && i < HSP_TRACE_RINGS_MAX; i++)
        if (__atomic_load_n(&page->slots[i].state, __ATOMIC_ACQUIRE) == HSP_RING_FREE &&
            is_drained(i) && try_slot(&page->slots[i]))
            return take_slot(i, thread);
    while (count < HSP_TRACE_RINGS_MAX) {
        if (!__atomic_compare_exchange_n(&page->ring_count, &count, count + 1, false,
                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        if (try_slot(&page->slots[count])) // another thread may have found the new one free
            return take_slot(count, thread);
        count++;
    }
    return NULL;
}

// Destructors of other keys may record: come back as long as the library lets us.
static void end_thread(void *rounds) {
    const uintptr_t left = (uintptr_t)rounds;
    if (left > 1 && pthread_setspecific(end_key, (void *)(left - 1)) == 0)
        return;
    struct hsp_trace_ring *ring = hsp_thread_ring;
    thread_has_ended = true;
    hsp_thread_ring = NULL;
    if (!ring || !hsp_process_page)
        return;
    ring->depth = 0;
    unmap(ring, hsp_trace_ring_bytes(hsp_process_page->ring_capacity));
    struct hsp_trace_slot *slot = &hsp_process_page->slots[thread_slot];
    __atomic_store_n(&slot->thread, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->state, HSP_RING_FREE, __ATOMIC_RELEASE);
}

// Tried again now and then: other threads end, files are removed.
static struct hsp_trace_ring *try_ring(void) {
    if (thread_has_ended || thread_lost_count++ % RETRY_EVENTS != 0)
        return NULL;
    errno = EMFILE; // all places taken
    struct hsp_trace_ring *ring = find_ring((uint32_t)gettid());
    if (!ring && thread_lost_count == 1)
        note_loss(&hsp_session_page->lost_threads);
    return ring;
}

struct hsp_trace_ring *hsp_writer_take_ring(void) {
    const int error = errno;
    if (!hsp_process_page)
        return NULL;
    struct hsp_trace_ring *ring = try_ring();
    if (ring) {
        thread_lost_count = 0;
        pthread_setspecific(end_key, (void *)(uintptr_t)(PTHREAD_DESTRUCTOR_ITERATIONS - 1));
    } else {
        __atomic_fetch_add(&hsp_process_page->lost_events, 1, __ATOMIC_RELAXED);
    }
    hsp_thread_ring = ring;
    errno = error;
    return ring;
}

bool hsp_writer_wait(struct hsp_trace_ring *ring) {
    const int error = errno;
    bool has_room = false;
    for (uint32_t turn = 0; !has_room; turn++) {
        if (__atomic_load_n(&hsp_session_page->is_closed, __ATOMIC_ACQUIRE))
            break;
        // The owner may have been killed.
        if (turn % 1024 == 1023 && syscall(SYS_kill, hsp_session_page->owner_pid, 0) != 0 &&
            errno == ESRCH)
            break;
        syscall(SYS_sched_yield);
        has_room = ring->ring.head - __atomic_load_n(&ring->ring.tail, __ATOMIC_ACQUIRE) <
                   ring->ring.capacity;
    }
    errno = error;
    return has_room;
}

// The thread that forked goes on in a file of its own, within the calls that it is in.
static void start_child(void) {
    struct hsp_process_page *old = hsp_process_page;
    struct hsp_trace_ring *old_ring = hsp_thread_ring;
    if (!old)
        return;
    hsp_process_page = NULL;
    hsp_thread_ring = NULL;
    const int old_fd = atomic_exchange(&process_fd, -1);
    if (is_process_file(old_fd))
        raw_close(old_fd);
    if (!open_process(old)) {
        note_loss(&hsp_session_page->lost_processes);
        return;
    }
    struct hsp_trace_ring *ring = old_ring ? hsp_writer_take_ring() : NULL;
    if (ring) {
        memcpy(ring->open, old_ring->open, sizeof ring->open);
        ring->depth = old_ring->depth;
        ring->next_seq = old_ring->next_seq;
        ring->is_muted = old_ring->is_muted;
    }
    if (old_ring)
        unmap(old_ring, hsp_trace_ring_bytes(old->ring_capacity));
    unmap(old, HSP_PROCESS_PAGE_BYTES + HSP_TRACE_NOTES_BYTES);
}

static bool attach_locked(void) {
    if (was_tried)
        return hsp_process_page != NULL;
    was_tried = true;
    const int error = errno;
    if (open_session() && pthread_key_create(&end_key, end_thread) == 0) {
        if (open_process(NULL))
            pthread_atfork(NULL, NULL, start_child);
        else
            note_loss(&hsp_session_page->lost_processes);
    }
    errno = error;
    return hsp_process_page != NULL;
}

bool hsp_writer_attach(void) {
    pthread_mutex_lock(&attach_lock);
    const bool attached = attach_locked();
    pthread_mutex_unlock(&attach_lock);
    return attached;
}

const char *hsp_writer_session_path(void) {
    return hsp_process_page ? session_path : "";
}

void hsp_writer_end(void) {
    if (hsp_process_page)
        __atomic_store_n(&hsp_process_page->has_ended, 1, __ATOMIC_RELEASE);
}

void hsp_writer_note(enum hsp_note_kind kind, uint64_t key, uint64_t extra, const char *text) {
    struct hsp_process_page *page = hsp_process_page;
    if (!page)
        return;
    const uint64_t length = strlen(text);
    const uint64_t bytes = (sizeof(struct hsp_trace_note) + length + 1 + 7) & ~UINT64_C(7);
    uint64_t at = __atomic_load_n(&page->notes_end, __ATOMIC_RELAXED);
    do {
        if (at + bytes > HSP_TRACE_NOTES_BYTES) {
            __atomic_fetch_add(&page->lost_notes, 1, __ATOMIC_RELAXED);
            return;
        }
    } while (!__atomic_compare_exchange_n(&page->notes_end, &at, at + bytes, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    struct hsp_trace_note *note = (struct hsp_trace_note *)(notes() + at);
    note->bytes = (uint32_t)bytes;
    note->key = key;
    note->extra = extra;
    note->ticks = hsp_clock_read();
    memcpy(note->text, text, length + 1);
    __atomic_store_n(&note->kind, (uint32_t)kind, __ATOMIC_RELEASE);
}

uint16_t hsp_writer_name(enum hsp_trace_layer layer, const char *name) {
    if (!hsp_process_page)
        return HSP_TRACE_NO_ID;
    const uint32_t id = __atomic_fetch_add(&hsp_process_page->name_count, 1, __ATOMIC_RELAXED);
    if (id >= HSP_TRACE_IDS_MAX)
        return HSP_TRACE_NO_ID;
    hsp_writer_note(HSP_NOTE_NAME, id, layer, name);
    return (uint16_t)id;
}

void hsp_writer_past_call(uint16_t id, uint64_t start_ticks, uint64_t end_ticks) {
    if (!hsp_process_page || id == HSP_TRACE_NO_ID ||
        !__atomic_load_n(&hsp_session_page->is_active, __ATOMIC_RELAXED))
        return;
    struct hsp_trace_ring *ring = hsp_writer_ring();
    struct hsp_trace_event *event = ring ? hsp_writer_claim(ring) : NULL;
    if (!event)
        return;
    *event = (struct hsp_trace_event){
        .start_ticks = start_ticks, .end_ticks = end_ticks, .id = id, .kind = HSP_TRACE_CALL};
    hsp_writer_place(ring, event);
    event->seq = ring->next_seq++;
    hsp_writer_commit(ring);
}

bool hsp_writer_wants(const char *name) {
    char patterns[HSP_SESSION_TEXT_BYTES];
    if (!hsp_session_page->names[0])
        return true;
    memcpy(patterns, hsp_session_page->names, sizeof patterns);
    char *rest = NULL;
    for (char *word = strtok_r(patterns, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        if (fnmatch(word, name, 0) == 0)
            return true;
    return false;
}
