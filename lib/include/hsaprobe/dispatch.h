/* SPDX-License-Identifier: MIT */
/// From a kernel, values and a geometry to a packet on a queue.
///
/// Checks happen before the launch: hsp_geometry_check once per geometry, the argument setters once
/// per value. hsp_dispatch_submit checks nothing and doesn't allocate, lock or enter the driver.
///
/// Thread safety: arguments objects belong to one thread at a time; submit follows queue.h.
#ifndef HSAPROBE_DISPATCH_H
#define HSAPROBE_DISPATCH_H

#include <hsaprobe/code_object.h>
#include <hsaprobe/queue.h>
#include <hsaprobe/signal.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Sizes in work-items, as in the packet. Unused dimensions are 1.
struct hsp_geometry {
    uint32_t dimension_count; ///< 1..3
    uint32_t grid[3];
    uint32_t workgroup[3];
    uint32_t dynamic_group_bytes; ///< LDS beyond the kernel's fixed part
};

/// Geometry from HIP's terms: `blocks` work-groups of `threads`. Sizes that don't fit in 32 bits
/// are HSP_ERROR_GEOMETRY.
HSP_API hsp_status hsp_geometry_from_blocks(const uint32_t blocks[3], const uint32_t threads[3],
                                            uint32_t dynamic_group_bytes,
                                            struct hsp_geometry *out_geometry);
/// Checks against the kernel (required and greatest work-group size) and, unless NULL, the agent
/// (work-group, grid, LDS). HSP_ERROR_GEOMETRY or HSP_ERROR_RESOURCE name the number and the limit.
/// A grid that isn't a multiple of the work-group is fine, its last work-groups being partial,
/// unless the kernel says that it was compiled for whole ones.
HSP_API hsp_status hsp_geometry_check(const struct hsp_geometry *geometry,
                                      const struct hsp_kernel *kernel,
                                      const struct hsp_agent *agent);

/// Values bound to a kernel's explicit arguments.
struct hsp_arguments;

enum hsp_value_type {
    HSP_VALUE_I8,
    HSP_VALUE_U8,
    HSP_VALUE_I16,
    HSP_VALUE_U16,
    HSP_VALUE_I32,
    HSP_VALUE_U32,
    HSP_VALUE_I64,
    HSP_VALUE_U64,
    HSP_VALUE_F16,
    HSP_VALUE_F32,
    HSP_VALUE_F64,
    HSP_VALUE_POINTER, ///< a device address, 8 bytes
    HSP_VALUE_BYTES,   ///< anything of the right size: structs
};
/// "i32", "f64", "pointer", ...
HSP_API const char *hsp_value_type_name(enum hsp_value_type type);
/// Bytes of a value; 0 for HSP_VALUE_BYTES.
HSP_API size_t hsp_value_type_bytes(enum hsp_value_type type);

/// The kernel's code object must stay open as long as the arguments.
HSP_API hsp_status hsp_arguments_create(const struct hsp_kernel *kernel,
                                        struct hsp_arguments **out_arguments);
/// NULL is fine.
HSP_API void hsp_arguments_destroy(struct hsp_arguments *arguments);

/// Binds the explicit argument at `position` (from 0). Copies `bytes` bytes of `value`. Checked are
/// position, kind (a pointer goes to a buffer argument and nothing else does), size, and float or
/// integer where the metadata names a scalar type (integers of one size are interchangeable). For a
/// local pointer of OpenCL the value is its size, u32 or u64. HSP_ERROR_KERNEL_ARGUMENT says what
/// was expected.
HSP_API hsp_status hsp_arguments_set(struct hsp_arguments *arguments, uint32_t position,
                                     enum hsp_value_type type, const void *value, size_t bytes);
/// The same by name; HSP_ERROR_NOT_FOUND lists the names, or says that the code object has none.
HSP_API hsp_status hsp_arguments_set_named(struct hsp_arguments *arguments, const char *name,
                                           enum hsp_value_type type, const void *value,
                                           size_t bytes);
/// hsp_arguments_set with a device address.
HSP_API hsp_status hsp_arguments_set_pointer(struct hsp_arguments *arguments, uint32_t position,
                                             const void *address);
/// hsp_arguments_bind_f32(arguments, "a", 2) and so on: hsp_arguments_set_named for one C type.
#define HSP_ARGUMENTS_BIND(suffix, type)                                                           \
    HSP_API hsp_status hsp_arguments_bind_##suffix(struct hsp_arguments *arguments,                \
                                                   const char *name, type value)
HSP_ARGUMENTS_BIND(i32, int32_t);
HSP_ARGUMENTS_BIND(u32, uint32_t);
HSP_ARGUMENTS_BIND(i64, int64_t);
HSP_ARGUMENTS_BIND(u64, uint64_t);
HSP_ARGUMENTS_BIND(f32, float);
HSP_ARGUMENTS_BIND(f64, double);
HSP_ARGUMENTS_BIND(pointer, const void *);
#undef HSP_ARGUMENTS_BIND
/// Hidden arguments. A code object lists those of its kernel by name
/// (hsp_kernel_argument.value_kind) with their places, and each is filled by that name; versions 4
/// and 5 differ only in what they list: 4 the offsets, hidden_none and the services but the heap, 5
/// all of them.
///
///     hidden_block_count_x _y _z     whole work-groups of the grid
///     hidden_group_size_x _y _z      work-items of a whole work-group
///     hidden_remainder_x _y _z       work-items of the partial work-group behind these, or 0
///     hidden_global_offset_x _y _z   0: a packet has none
///     hidden_none                    0: a place that the kernel doesn't use
///     hidden_grid_dims               hsp_geometry.dimension_count
///     hidden_dynamic_lds_size        hsp_geometry.dynamic_group_bytes
///     hidden_private_base            high half of the address where the queue's scratch appears
///     hidden_shared_base             high half of the address where its LDS appears
///     hidden_queue_ptr               address of the hsa_queue_t
///
/// Services, which the library hasn't got: hidden_hostcall_buffer (printf and assert of HIP),
/// hidden_printf_buffer (printf of OpenCL), hidden_heap_v1 (malloc in a kernel),
/// hidden_multigrid_sync_arg (synchronisation of whole grids), hidden_default_queue and
/// hidden_completion_action (kernels that launch kernels), and every name that isn't in this table.
/// hsp_arguments_check refuses a kernel that lists one unless its value was supplied. At -O0 a
/// compiler lists services that the kernel never uses: supply 0 then. A kernel that does use a
/// service supplied as 0 faults at an address near 0.
///
/// Supplies a hidden argument of this value_kind, a service or not; the library never overwrites
/// it. HSP_ERROR_NOT_FOUND: the kernel lists none of this name.
HSP_API hsp_status hsp_arguments_set_hidden(struct hsp_arguments *arguments, const char *value_kind,
                                            uint64_t value);
/// The index-th service that the kernel lists and that was not supplied; NULL beyond.
HSP_API const char *hsp_arguments_unserved(const struct hsp_arguments *arguments, uint32_t index);

/// Bytes of LDS that the local pointers need, to be added to hsp_geometry.dynamic_group_bytes.
HSP_API uint32_t hsp_arguments_local_bytes(const struct hsp_arguments *arguments);

/// HSP_ERROR_KERNEL_ARGUMENT, naming them, unless all explicit arguments are bound and all services
/// that the kernel lists are supplied.
HSP_API hsp_status hsp_arguments_check(const struct hsp_arguments *arguments);
/// Writes the kernarg segment (kernel->kernarg_bytes at `kernarg`): the explicit arguments and the
/// hidden ones of code-object versions 4 and 5, each at the place that the metadata gives, zeros
/// elsewhere. `queue` feeds hidden_private_base, hidden_shared_base and hidden_queue_ptr and may be
/// NULL (then 0). Unbound arguments and services not supplied are 0: call hsp_arguments_check
/// first.
HSP_API hsp_status hsp_arguments_write(const struct hsp_arguments *arguments,
                                       const struct hsp_geometry *geometry,
                                       const struct hsp_queue *queue, void *kernarg,
                                       size_t kernarg_bytes);

/// One launch. hsp_dispatch_init gives the usual values; all fields may be changed.
struct hsp_dispatch {
    uint64_t kernel_object;
    const void *kernarg; ///< must stay unchanged until the kernel is done
    struct hsp_geometry geometry;
    uint32_t group_bytes;    ///< fixed and dynamic
    uint32_t private_bytes;  ///< scratch of a work-item
    hsa_signal_t completion; ///< 0 for none; else the packet processor subtracts 1
    hsa_fence_scope_t acquire;
    hsa_fence_scope_t release;
    bool barrier; ///< wait for all packets before it
};
/// Barrier off, both fences at system scope, no completion signal.
HSP_API void hsp_dispatch_init(struct hsp_dispatch *dispatch, const struct hsp_kernel_code *code,
                               const struct hsp_geometry *geometry, const void *kernarg);

/// Everything of the packet but the first four bytes, which are returned as header and setup. The
/// slot's own header is not touched.
HSP_API void hsp_dispatch_fill(const struct hsp_dispatch *dispatch, union hsp_packet *packet,
                               uint16_t *out_header, uint16_t *out_setup);

/// By which way packets reach the queue.
enum hsp_submit {
    HSP_SUBMIT_HSA = 0,  ///< HSA's index functions and hsa_signal_store_screlease on the doorbell
    HSP_SUBMIT_RING = 1, ///< our ring writer (queue.h)
};
/// Submits `count` dispatches (1 to the ring's size) in order with one doorbell; waits for room as
/// long as the queue works. Fails only with HSP_ERROR_QUEUE and HSP_ERROR_INVALID_ARGUMENT.
HSP_API hsp_status hsp_dispatch_submit(struct hsp_queue *queue, enum hsp_submit submit,
                                       const struct hsp_dispatch *dispatches, uint32_t count,
                                       uint64_t *out_first_index);

enum hsp_barrier_kind {
    HSP_BARRIER_AND = 0,   ///< all dependencies are 0
    HSP_BARRIER_OR = 1,    ///< one of them is 0
    HSP_BARRIER_VALUE = 2, ///< `signal & mask CONDITION value` holds: AMD's packet
};
#define HSP_BARRIER_DEPENDENCIES 5

/// A packet that holds the queue up. hsp_barrier_init gives the usual values; all fields may be
/// changed.
struct hsp_barrier {
    enum hsp_barrier_kind kind;
    /// For AND and OR; those with handle 0 count as not there, and none there as met.
    hsa_signal_t dependencies[HSP_BARRIER_DEPENDENCIES];
    hsa_signal_t signal;          ///< for VALUE, as are the next three
    enum hsp_condition condition; ///<
    int64_t value;                ///<
    int64_t mask;                 ///<
    hsa_signal_t completion;      ///< 0 for none; else the packet processor subtracts 1
    hsa_fence_scope_t acquire;
    hsa_fence_scope_t release;
    bool barrier; ///< wait for all packets before it, and hold all those behind it
};
/// No dependencies, every bit of the mask, no completion signal, both fences at system scope, and
/// the barrier bit, without which packets behind may overtake.
HSP_API void hsp_barrier_init(struct hsp_barrier *barrier, enum hsp_barrier_kind kind);
/// Everything of the packet but the first four bytes, which are returned as header and setup (for
/// VALUE the latter is AMD's packet format). The slot's own header is not touched.
HSP_API void hsp_barrier_fill(const struct hsp_barrier *barrier, union hsp_packet *packet,
                              uint16_t *out_header, uint16_t *out_setup);
/// hsp_dispatch_submit for `count` barriers.
HSP_API hsp_status hsp_barrier_submit(struct hsp_queue *queue, enum hsp_submit submit,
                                      const struct hsp_barrier *barriers, uint32_t count,
                                      uint64_t *out_first_index);

/// Waits for a completion signal to reach 0 and tells a kernel that finished from a queue that died
/// (HSP_ERROR_QUEUE with the reason). Looks at the queue's state every 20 ms of waiting.
HSP_API hsp_status hsp_dispatch_wait(const struct hsp_queue *queue, hsa_signal_t completion,
                                     uint64_t timeout_ns, enum hsp_wait_state state);

/// When each step of one launch was over, in the domain of hsp_clock_ns.
struct hsp_phases {
    uint64_t begin_ns;     ///< before anything
    uint64_t reserved_ns;  ///< the slot is the caller's
    uint64_t filled_ns;    ///< the packet is in memory but for its header
    uint64_t published_ns; ///< the header is stored: the packet processor may begin
    uint64_t rung_ns;      ///< the doorbell's store has returned
    uint64_t start_ns;     ///< the device began, by its own clock; 0 without profiling
    uint64_t end_ns;       ///< the device was done, by its own clock; 0 without profiling
    uint64_t seen_ns;      ///< the host saw the completion signal
    /// start_ns and end_ns may both be off by this much, in the same direction: they may come to
    /// lie before rung_ns or behind seen_ns by that.
    uint64_t device_error_ns;
};
/// Submits one dispatch by the ring writer, waits for it in state `state` and says when each step
/// was over. Its completion signal must hold 1; it is 0 afterwards. Each time costs a read of the
/// clock (25 ns). Device times need a queue with profiling. Errors as for hsp_dispatch_submit and
/// hsp_dispatch_wait.
HSP_API hsp_status hsp_dispatch_time_phases(struct hsp_queue *queue,
                                            const struct hsp_dispatch *dispatch,
                                            uint64_t timeout_ns, enum hsp_wait_state state,
                                            struct hsp_phases *out_phases);

#ifdef __cplusplus
}
#endif

#endif
