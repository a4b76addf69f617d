/* SPDX-License-Identifier: MIT */
/// Queue, signal, kernel descriptor and packets against the headers that ROCr installs.
#include "field.h"

#include <hsa/amd_hsa_kernel_code.h>
#include <hsa/amd_hsa_queue.h>
#include <hsa/amd_hsa_signal.h>
#include <hsa/hsa_ext_amd.h>

#include "abi/aql.h"
#include "abi/kernel_descriptor.h"
#include "abi/queue.h"
#include "abi/signal.h"

#define QUEUE(field)          SAME(abi_queue, amd_queue_t, field)
#define SIGNAL(field)         SAME(abi_signal, amd_signal_t, field)
#define CODE(field)           SAME(abi_kernel_descriptor, amd_kernel_code_t, field)
#define DISPATCH(ours, field) FIELD(abi_aql_dispatch, ours, hsa_kernel_dispatch_packet_t, field)
#define BARRIER_VALUE(field)  SAME(abi_aql_barrier_value, hsa_amd_barrier_value_packet_t, field)

static const struct field queue_fields[] = {
    SIZE(abi_queue, amd_queue_t),
    FIELD(abi_queue, type, amd_queue_t, hsa_queue.type),
    FIELD(abi_queue, features, amd_queue_t, hsa_queue.features),
    FIELD(abi_queue, base_address, amd_queue_t, hsa_queue.base_address),
    FIELD(abi_queue, doorbell_signal, amd_queue_t, hsa_queue.doorbell_signal),
    FIELD(abi_queue, size, amd_queue_t, hsa_queue.size),
    FIELD(abi_queue, id, amd_queue_t, hsa_queue.id),
    QUEUE(write_dispatch_id),
    QUEUE(group_segment_aperture_base_hi),
    QUEUE(private_segment_aperture_base_hi),
    QUEUE(max_cu_id),
    QUEUE(max_wave_id),
    QUEUE(max_legacy_doorbell_dispatch_id_plus_1),
    QUEUE(legacy_doorbell_lock),
    QUEUE(read_dispatch_id),
    QUEUE(read_dispatch_id_field_base_byte_offset),
    QUEUE(compute_tmpring_size),
    QUEUE(scratch_resource_descriptor),
    QUEUE(scratch_backing_memory_location),
    QUEUE(scratch_backing_memory_byte_size),
    QUEUE(scratch_wave64_lane_byte_size),
    QUEUE(queue_properties),
    QUEUE(queue_inactive_signal),
    VALUE(ABI_QUEUE_PROPERTY_PROFILING, AMD_QUEUE_PROPERTIES_ENABLE_PROFILING),
};

static const struct field signal_fields[] = {
    SIZE(abi_signal, amd_signal_t),
    SIGNAL(kind),
    SIGNAL(value),
    SIGNAL(event_mailbox_ptr),
    SIGNAL(event_id),
    SIGNAL(start_ts),
    SIGNAL(end_ts),
    SIGNAL(queue_ptr),
    VALUE(ABI_SIGNAL_USER, AMD_SIGNAL_KIND_USER),
    VALUE(ABI_SIGNAL_DOORBELL, AMD_SIGNAL_KIND_DOORBELL),
    VALUE(ABI_SIGNAL_LEGACY_DOORBELL, AMD_SIGNAL_KIND_LEGACY_DOORBELL),
};

/// The old header of code and the descriptor coincide where a device looks.
static const struct field code_fields[] = {
    CODE(kernel_code_entry_byte_offset),
    CODE(compute_pgm_rsrc1),
    CODE(compute_pgm_rsrc2),
    VALUE(ABI_KERNEL_PRIVATE_SEGMENT_BUFFER,
          AMD_KERNEL_CODE_PROPERTIES_ENABLE_SGPR_PRIVATE_SEGMENT_BUFFER),
    VALUE(ABI_KERNEL_DISPATCH_PTR, AMD_KERNEL_CODE_PROPERTIES_ENABLE_SGPR_DISPATCH_PTR),
    VALUE(ABI_KERNEL_QUEUE_PTR, AMD_KERNEL_CODE_PROPERTIES_ENABLE_SGPR_QUEUE_PTR),
    VALUE(ABI_KERNEL_KERNARG_SEGMENT_PTR,
          AMD_KERNEL_CODE_PROPERTIES_ENABLE_SGPR_KERNARG_SEGMENT_PTR),
    VALUE(ABI_KERNEL_DISPATCH_ID, AMD_KERNEL_CODE_PROPERTIES_ENABLE_SGPR_DISPATCH_ID),
    VALUE(ABI_KERNEL_FLAT_SCRATCH_INIT, AMD_KERNEL_CODE_PROPERTIES_ENABLE_SGPR_FLAT_SCRATCH_INIT),
    VALUE(ABI_KERNEL_PRIVATE_SEGMENT_SIZE,
          AMD_KERNEL_CODE_PROPERTIES_ENABLE_SGPR_PRIVATE_SEGMENT_SIZE),
    VALUE(ABI_RSRC1_VGPRS(0xffffffff), AMD_COMPUTE_PGM_RSRC_ONE_GRANULATED_WORKITEM_VGPR_COUNT),
    VALUE(ABI_RSRC2_USER_SGPRS(AMD_COMPUTE_PGM_RSRC_TWO_USER_SGPR_COUNT), 0x1f),
    VALUE(ABI_RSRC2_WORKITEM_ID(AMD_COMPUTE_PGM_RSRC_TWO_ENABLE_VGPR_WORKITEM_ID), 3),
    VALUE(ABI_RSRC2_WORKGROUP_ID(AMD_COMPUTE_PGM_RSRC_TWO_ENABLE_SGPR_WORKGROUP_ID_X, 0), 1),
    VALUE(ABI_RSRC2_WORKGROUP_ID(AMD_COMPUTE_PGM_RSRC_TWO_ENABLE_SGPR_WORKGROUP_ID_Z, 2), 1),
};

static const struct field packet_fields[] = {
    SIZE(abi_aql_dispatch, hsa_kernel_dispatch_packet_t),
    DISPATCH(header, header),
    DISPATCH(setup, setup),
    DISPATCH(workgroup_size[2], workgroup_size_z),
    DISPATCH(grid_size[0], grid_size_x),
    DISPATCH(grid_size[2], grid_size_z),
    DISPATCH(private_segment_size, private_segment_size),
    DISPATCH(group_segment_size, group_segment_size),
    DISPATCH(kernel_object, kernel_object),
    DISPATCH(kernarg_address, kernarg_address),
    DISPATCH(completion_signal, completion_signal),
    SIZE(abi_aql_barrier, hsa_barrier_and_packet_t),
    SAME(abi_aql_barrier, hsa_barrier_or_packet_t, dep_signal),
    SAME(abi_aql_barrier, hsa_barrier_and_packet_t, completion_signal),
    FIELD(abi_aql_barrier_value, header, hsa_amd_barrier_value_packet_t, header.header),
    FIELD(abi_aql_barrier_value, amd_format, hsa_amd_barrier_value_packet_t, header.AmdFormat),
    BARRIER_VALUE(signal),
    BARRIER_VALUE(value),
    BARRIER_VALUE(mask),
    BARRIER_VALUE(cond),
    BARRIER_VALUE(completion_signal),
    VALUE(ABI_AQL_AMD_BARRIER_VALUE, HSA_AMD_PACKET_TYPE_BARRIER_VALUE),
};

#define COMPARE(fields) compare_fields(fields, sizeof(fields) / sizeof *(fields))

static void queue_is_rocrs(void **state) {
    (void)state;
    COMPARE(queue_fields);
}

static void signal_is_rocrs(void **state) {
    (void)state;
    COMPARE(signal_fields);
}

static void descriptor_is_rocrs(void **state) {
    (void)state;
    COMPARE(code_fields);
}

static void packets_are_hsas(void **state) {
    (void)state;
    COMPARE(packet_fields);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_is_rocrs),
        cmocka_unit_test(signal_is_rocrs),
        cmocka_unit_test(descriptor_is_rocrs),
        cmocka_unit_test(packets_are_hsas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
