/* SPDX-License-Identifier: MIT */
/// What the files of the driver share; nobody else includes it.
#ifndef SG_KFD_INTERNAL_H
#define SG_KFD_INTERNAL_H

#include "abi/kfd.h"
#include "softgpu/kfd/kfd.h"
#include "softgpu/kfd/share.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/// A buffer object, as ALLOC_MEMORY_OF_GPU makes it.
struct sg_bo {
    struct sg_gpu *gpu; ///< whose it is
    uint64_t va;
    uint64_t bytes;       ///< of the address range; twice the memory for AQL_QUEUE
    uint64_t backing;     ///< bytes of memory behind it
    uint64_t file_offset; ///< in the file that backs it; VRAM and GTT only
    uint64_t mmap_offset; ///< in the render node; differs from file_offset where imported
    uint8_t *host;        ///< device's mapping, or the application's memory (USERPTR)
    uint32_t flags;       ///< ABI_KFD_MEM_*
    uint32_t index;       ///< low half of the handle
    uint32_t mapped;      ///< in whose address space: bit i is GPU i
    uint32_t holes;       ///< where XNACK would else make it accessible: bit i is GPU i
    bool is_gem;          ///< has a handle of the render node, none of /dev/kfd
    bool is_import;       ///< made by another process, or by this one as another object
    struct sg_file *file; ///< where a range is held for it; NULL: nobody shares it
    uint32_t record;      ///< in that file's table; 0: none yet
};

struct sg_range {
    uint64_t offset;
    uint64_t bytes;
};

/// A range given by the SVM ioctl. Sorted by address, never overlapping.
struct sg_svm_range {
    uint64_t va;
    uint64_t bytes;
    uint32_t access[SG_GPU_LIMIT]; ///< ABI_KFD_SVM_ACCESS, _IN_PLACE or NO_ACCESS
    uint32_t flags;
    uint32_t preferred;
    uint32_t prefetch;
    uint32_t granularity;
    uint32_t mapped; ///< in whose address space: bit i is GPU i
};

struct sg_memory {
    pthread_mutex_t lock;
    struct sg_bo **bos; ///< by index; NULL: free
    uint32_t bo_slots;
    uint32_t first_free; ///< no slot below is free
    uint32_t newest;     ///< slot of the object that was made last
    uint64_t system_used;
    struct sg_svm_range *svm;
    uint32_t svm_count;
    uint32_t svm_room;
    uint64_t event_page_handle; ///< 0: none
    struct sg_file *files;      ///< with shared objects
};

/// One event. `word` holds all that changes, see event.c.
struct sg_event {
    _Atomic uint64_t word;
    _Atomic uint64_t set_at; ///< when it was last set, see event.c; 0: never
    _Atomic uint32_t type;   ///< enum abi_kfd_event_type
};

enum { SG_OTHER_EVENT_LIMIT = 256 };

struct sg_events {
    pthread_mutex_t lock; ///< creation and destruction
    struct sg_event signal[ABI_KFD_SIGNAL_EVENT_LIMIT];
    struct sg_event other[SG_OTHER_EVENT_LIMIT];
    uint32_t signal_limit;       ///< slots in the event page
    _Atomic uint32_t sequence;   ///< futex word: moves when an event with waiters was set
    _Atomic uint64_t last_fault; ///< its page, and below that flags of event.c; 0: none
};

enum { SG_QUEUE_LIMIT = SG_CP_MAX_QUEUES, SG_SDMA_QUEUE_LIMIT = 16 };

struct sg_queue {
    struct sg_cp_queue *cp;
    struct sg_gpu *gpu;
    uint32_t type; ///< enum abi_kfd_queue_type
    uint32_t doorbell_index;
    uint32_t percentage;
    bool has_gws;
};

struct sg_queues {
    pthread_mutex_t lock;
    struct sg_queue table[SG_QUEUE_LIMIT];
    uint32_t count;
};

enum { SG_SMI_LIMIT = 32 };

/// Who listens for events of the system management interface.
struct sg_smi_clients {
    pthread_mutex_t lock;           ///< adding and removing
    _Atomic int slot[SG_SMI_LIMIT]; ///< our end of a socket pair (fds.h); -1: free
    _Atomic uint64_t mask[SG_SMI_LIMIT];
    uint32_t gpu_index[SG_SMI_LIMIT];
};

/// One GPU as the process sees it.
struct sg_gpu {
    struct sg_kfd *kfd;
    uint32_t index;
    uint32_t id; ///< sg_gpu_id(index)
    struct sg_vm *vm;
    struct sg_cp *cp;
    struct sg_cu *cu;             ///< may be NULL
    struct sg_doorbell *doorbell; ///< may be NULL
    uint8_t *doorbell_page;
    uint8_t *mmio_page;
    /* Under memory.lock. */
    int bo_fd;
    uint64_t next_offset; ///< in the render node's file; never reused
    uint64_t file_bytes;
    uint64_t table_bytes;   ///< of records, at the file's beginning
    uint32_t next_record;   ///< never reused
    struct sg_range *limbo; ///< of the file; freed, held by somebody else
    uint32_t limbo_count;
    uint64_t vram_used;
    struct sg_window *windows; ///< the device's mappings of small objects
    struct sg_gem *gems;       ///< by handle of the render node, less 1
    uint32_t gem_count;
    /* Under queues.lock. */
    uint32_t sdma_count;
};

struct sg_kfd {
    struct sg_kfd_config config;
    struct sg_gpu gpus[SG_GPU_LIMIT];
    /// Lowest and highest address at which the application ever mapped the doorbell page.
    _Atomic uintptr_t doorbell_low;
    _Atomic uintptr_t doorbell_high;
    bool xnack; ///< changes under queues.lock, and only while there is no queue
    struct sg_smi_clients smi;
    _Atomic uint64_t r_debug; ///< of ROCr's loader, where RUNTIME_ENABLE told
    struct sg_memory memory;
    struct sg_events events;
    struct sg_queues queues;
};

/// Copies between the application's memory and the driver. Returns 0 or -EFAULT for addresses that
/// no process can have; like the kernel's access_ok, not a proof that the pages are there.
int sg_copy_in(void *to, uint64_t user, uint64_t bytes);
int sg_copy_out(uint64_t user, const void *from, uint64_t bytes);
/// True if [user, user + bytes) lies in user space.
bool sg_access_ok(uint64_t user, uint64_t bytes);

/// The GPU with this id, or NULL.
struct sg_gpu *sg_gpu_find(struct sg_kfd *kfd, uint32_t gpu_id);

int sg_memory_init(struct sg_kfd *kfd);
void sg_memory_fini(struct sg_kfd *kfd);
/// The buffer object of a handle, or NULL. The caller holds memory.lock.
struct sg_bo *sg_memory_find(struct sg_memory *memory, uint64_t handle);
uint64_t sg_memory_handle(const struct sg_bo *bo);
/// Makes an object without a KFD handle, for the render node. Returns 0 or -errno. `args` as for
/// ALLOC_MEMORY_OF_GPU. The caller holds memory.lock, here and below.
int sg_memory_create(struct sg_gpu *gpu, const struct abi_kfd_alloc_memory *args,
                     struct sg_bo **out_bo);
/// Ends an object that is mapped nowhere.
void sg_memory_delete(struct sg_bo *bo);
/// After an interval was unmapped: as the driver flushes the TLB, the device doesn't touch its
/// pages any more when this returns.
void sg_memory_flush(struct sg_gpu *gpu, uint64_t va, uint64_t bytes);
/// True if its bytes are in a render node's file (VRAM and GTT).
bool sg_bo_in_file(const struct sg_bo *bo);
/// True if an object other than `except` (may be NULL) holds the range at this offset of the file.
/// The caller holds memory.lock.
bool sg_memory_holds(const struct sg_memory *memory, const struct sg_file *file, uint64_t offset,
                     const struct sg_bo *except);

/// Adds an object that holds a range of a file: maps it and gives it a handle and an mmap_offset.
/// On failure the hold is released. Counts against no limit. Returns 0 or -ENOMEM. The caller holds
/// memory.lock.
int sg_memory_import(const struct sg_bo *object, struct sg_bo **out_bo);

/// Makes an object one that others may import: it holds its range and has a record. `user_flags` go
/// into a new record. Returns 0, -EPERM where the bytes are not in a file, -ENOMEM. This and what
/// follows: the caller holds memory.lock.
int sg_bo_share(struct sg_bo *bo, uint32_t user_flags);
/// The object goes: nobody can import it by its IPC handle any more.
void sg_bo_withdraw(struct sg_bo *bo);
/// Imports the object of a record of the file `fd`, which is taken over: a description of its own.
/// With a key, only if the record still has it. Returns 0, -EINVAL or -ENOMEM.
int sg_bo_import(struct sg_gpu *gpu, int fd, uint32_t record, uint64_t key, uint64_t va,
                 struct sg_bo **out_bo);
/// Opens a dmabuf of an object. Returns a file descriptor or -errno.
int sg_bo_export(struct sg_bo *bo, bool close_on_exec);
/// Imports the object of a dmabuf, which stays the caller's. Returns 0, -EBADF, -EINVAL (something
/// else, or of another GPU) or -ENOMEM.
int sg_dmabuf_import(struct sg_gpu *gpu, int dmabuf, uint64_t va, struct sg_bo **out_bo);
/// Drops SVM ranges that overlap: their pages are gone when a new object takes the address.
/// The caller holds memory.lock.
void sg_svm_forget(struct sg_kfd *kfd, uint64_t va, uint64_t bytes);

void sg_events_init(struct sg_events *events);
void sg_events_fini(struct sg_events *events);

void sg_queues_init(struct sg_queues *queues);
void sg_queues_fini(struct sg_kfd *kfd);

void sg_smi_init(struct sg_kfd *kfd);
void sg_smi_fini(struct sg_kfd *kfd);
/// Tells those who want it of an event: `text` follows the event's number on its line.
/// Async-signal-safe, lock-free.
void sg_smi_report(struct sg_gpu *gpu, enum abi_kfd_smi_event event, const char *text);

/// The device clock: 100 MHz, the one that signals' timestamps use.
uint64_t sg_kfd_gpu_clock(void);

/// Handlers: the table in ioctl.c calls them with the argument copied in, and copies it out after.
#define SG_IOCTL(nr, name, type, handler, ...)                                                     \
    int sg_ioctl_##handler(struct sg_kfd *kfd, struct type *args);
#include "softgpu/kfd/ioctl.def"
#undef SG_IOCTL

#endif
