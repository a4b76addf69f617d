/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/topology.h"
#include "abi/drm.h"
#include "softgpu/kfd/card.h"
#include "softgpu/kfd/kfd.h"

#include <stdio.h>

#define KFD  "/sys/devices/virtual/kfd/kfd"
#define NODE KFD "/topology/nodes"

enum { MAX_ENGINES = 8, ARRAY_UNITS = 14, PATH_BYTES = 128 };

/* HSA_CAPABILITY bits of KFD's "capability" property. No bit 30: it would make ROCr 7 look for an
 * emulated GPU of its own. */
enum {
    CAP_QUEUE_SIZE_POW2 = 1 << 7,
    CAP_WATCH_POINTS_SHIFT = 8,
    CAP_DOORBELL_TYPE_SHIFT = 12,
    CAP_MEM_EDC = 1 << 20,
    CAP_RAS = 1 << 21,
    CAP_ASIC_REVISION_SHIFT = 22,
    CAP_SRAM_EDC = 1 << 26, /* ROCr: sramecc+ */
    CAP_SVM = 1 << 27,
};
enum {
    CAPABILITY = CAP_QUEUE_SIZE_POW2 | 2 << CAP_WATCH_POINTS_SHIFT | 2 << CAP_DOORBELL_TYPE_SHIFT |
                 CAP_MEM_EDC | CAP_RAS | 1 << CAP_ASIC_REVISION_SHIFT | CAP_SRAM_EDC | CAP_SVM,
};

enum { CACHE_DATA = 1, CACHE_INSTRUCTION = 2, CACHE_CPU = 4, CACHE_SIMD = 8 };
enum { HEAP_SYSTEM = 0, HEAP_VRAM_PUBLIC = 1 };

uint64_t sg_topology_unique_id(uint32_t index) {
    return 0x90a0740f00000001ull + index;
}

uint32_t sg_topology_pci_bus(uint32_t index) {
    /* As in a server of two processors with four root complexes each. */
    static const uint8_t buses[SG_GPU_LIMIT] = {0x03, 0x26, 0x43, 0x63, 0x83, 0xa3, 0xc3, 0xe3};
    return buses[index];
}

void sg_topology_shape(uint32_t cu_count, struct sg_gpu_shape *out_shape) {
    out_shape->cus = cu_count;
    out_shape->engines = cu_count < MAX_ENGINES ? cu_count : MAX_ENGINES;
    out_shape->cus_per_engine = (cu_count + out_shape->engines - 1) / out_shape->engines;
}

struct cache {
    uint32_t level, kilobytes, line, ways, type;
};

static void put_cache(struct sg_nodes *nodes, uint32_t node, uint32_t index, uint32_t processor,
                      const struct cache *cache) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, NODE "/%u/caches/%u/properties", node, index);
    sg_nodes_file(
        nodes, path,
        "processor_id_low %u\nlevel %u\nsize %u\ncache_line_size %u\ncache_lines_per_tag 1\n"
        "association %u\nlatency 0\ntype %u\nsibling_map 1\n",
        processor, cache->level, cache->kilobytes, cache->line, cache->ways, cache->type);
}

/* The weight of a way is 20 per hop. */
enum { LINK_HOP = 20, LINK_PEER = 2 * LINK_HOP };

static void put_link_properties(struct sg_nodes *nodes, uint32_t from, uint32_t to,
                                const char *directory, uint32_t index, uint32_t weight) {
    enum { PCIE = 2, ENABLED = 1, MEGABYTES_PER_SECOND = 31504 };
    char path[PATH_BYTES];
    snprintf(path, sizeof path, NODE "/%u/%s/%u/properties", from, directory, index);
    sg_nodes_file(nodes, path,
                  "type %u\nversion_major 0\nversion_minor 0\nnode_from %u\nnode_to %u\nweight %u\n"
                  "min_latency 0\nmax_latency 0\nmin_bandwidth 312\nmax_bandwidth %u\n"
                  "recommended_transfer_size 0\nflags %u\n",
                  PCIE, from, to, weight, MEGABYTES_PER_SECOND, ENABLED);
}

static void put_memory(struct sg_nodes *nodes, uint32_t node, uint32_t heap, uint64_t bytes,
                       uint32_t width, uint32_t mhz) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, NODE "/%u/mem_banks/0/properties", node);
    sg_nodes_file(nodes, path,
                  "heap_type %u\nsize_in_bytes %llu\nflags 0\nwidth %u\nmem_clk_max %u\n", heap,
                  (unsigned long long)bytes, width, mhz);
}

static void put_cpu_node(struct sg_nodes *nodes, const struct sg_topology *topology) {
    static const struct cache caches[] = {
        {1, 32, 64, 8, CACHE_DATA | CACHE_CPU},
        {1, 32, 64, 8, CACHE_INSTRUCTION | CACHE_CPU},
        {2, 512, 64, 8, CACHE_DATA | CACHE_INSTRUCTION | CACHE_CPU},
        {3, 16384, 64, 16, CACHE_DATA | CACHE_INSTRUCTION | CACHE_CPU},
    };
    const uint32_t cache_count =
        topology->host_has_cpu_caches ? 0 : sizeof caches / sizeof caches[0];

    sg_nodes_file(nodes, NODE "/0/gpu_id", "0\n");
    sg_nodes_file(nodes, NODE "/0/name", "\n");
    sg_nodes_file(
        nodes, NODE "/0/properties",
        "cpu_cores_count %u\nsimd_count 0\nmem_banks_count 1\ncaches_count %u\n"
        "io_links_count %u\np2p_links_count 0\ncpu_core_id_base %u\nsimd_id_base 0\n"
        "max_waves_per_simd 0\nlds_size_in_kb 0\ngds_size_in_kb 0\nnum_gws 0\n"
        "wave_front_size 0\narray_count 0\nsimd_arrays_per_engine 0\ncu_per_simd_array 0\n"
        "simd_per_cu 0\nmax_slots_scratch_cu 0\ngfx_target_version 0\nvendor_id 0\n"
        "device_id 0\nlocation_id 0\ndomain 0\ndrm_render_minor 0\nhive_id 0\n"
        "num_sdma_engines 0\nnum_sdma_xgmi_engines 0\nnum_sdma_queues_per_engine 0\n"
        "num_cp_queues 0\nmax_engine_clk_ccompute 0\n",
        topology->cpu_count, cache_count, topology->gpu_count, topology->first_apic_id);
    put_memory(nodes, 0, HEAP_SYSTEM, topology->ram_bytes, 64, 0);
    sg_nodes_directory(nodes, NODE "/0/caches");
    for (uint32_t i = 0; i < cache_count; i++)
        put_cache(nodes, 0, i, topology->first_apic_id, &caches[i]);
    for (uint32_t i = 0; i < topology->gpu_count; i++)
        put_link_properties(nodes, 0, i + 1, "io_links", i, LINK_HOP);
    sg_nodes_directory(nodes, NODE "/0/p2p_links");
}

static void put_gpu_links(struct sg_nodes *nodes, uint32_t node, uint32_t gpu_count) {
    char path[PATH_BYTES];
    uint32_t peers = 0;
    put_link_properties(nodes, node, 0, "io_links", 0, LINK_HOP);
    snprintf(path, sizeof path, NODE "/%u/p2p_links", node);
    sg_nodes_directory(nodes, path);
    for (uint32_t other = 1; other <= gpu_count; other++) {
        if (other != node)
            put_link_properties(nodes, node, other, "p2p_links", peers++, LINK_PEER);
    }
}

static void put_gpu_node(struct sg_nodes *nodes, const struct sg_topology *topology,
                         uint32_t index) {
    enum { SIMD_PER_CU = 4, SIMD_ID_BASE = 2147487744 - 2147483648 };
    /* Vector L1 per unit, scalar and instruction L1 per two units, one L2 (CDNA2 white paper). */
    static const struct cache caches[] = {
        {1, 16, 64, 64, CACHE_DATA | CACHE_SIMD},
        {1, 16, 64, 4, CACHE_DATA | CACHE_SIMD},
        {1, 32, 64, 4, CACHE_INSTRUCTION | CACHE_SIMD},
        {2, 8192, 128, 16, CACHE_DATA | CACHE_SIMD},
    };
    const uint32_t cache_count = sizeof caches / sizeof caches[0];
    const uint32_t node = index + 1;
    char path[PATH_BYTES];
    struct sg_gpu_shape shape;
    sg_topology_shape(topology->cu_count, &shape);
    const uint32_t simd_id = SIMD_ID_BASE + index * shape.cus;

    snprintf(path, sizeof path, NODE "/%u/gpu_id", node);
    sg_nodes_file(nodes, path, "%u\n", sg_gpu_id(index));
    snprintf(path, sizeof path, NODE "/%u/name", node);
    sg_nodes_file(nodes, path, "aldebaran\n");
    snprintf(path, sizeof path, NODE "/%u/properties", node);
    sg_nodes_file(
        nodes, path,
        "cpu_cores_count 0\nsimd_count %u\nmem_banks_count 1\ncaches_count %u\n"
        "io_links_count 1\np2p_links_count %u\ncpu_core_id_base 0\nsimd_id_base %u\n"
        "max_waves_per_simd 8\nlds_size_in_kb 64\ngds_size_in_kb 0\nnum_gws 64\n"
        "wave_front_size 64\narray_count %u\nsimd_arrays_per_engine 1\n"
        "cu_per_simd_array %u\nsimd_per_cu %u\nmax_slots_scratch_cu 32\n"
        "gfx_target_version 90010\nvendor_id %u\ndevice_id %u\nlocation_id %u\ndomain 0\n"
        "drm_render_minor %u\nhive_id 0\nnum_sdma_engines 2\nnum_sdma_xgmi_engines 0\n"
        "num_sdma_queues_per_engine 8\nnum_cp_queues 24\nmax_engine_clk_fcompute %u\n"
        "local_mem_size 0\nfw_version %u\ncapability %u\ndebug_prop 0\nsdma_fw_version %u\n"
        "unique_id %llu\nnum_xcc 1\nmax_engine_clk_ccompute %u\n",
        shape.cus * SIMD_PER_CU, cache_count, topology->gpu_count - 1, simd_id, shape.engines,
        shape.cus_per_engine < ARRAY_UNITS && topology->cu_count > MAX_ENGINES
            ? ARRAY_UNITS
            : shape.cus_per_engine,
        SIMD_PER_CU, SG_PCI_VENDOR, SG_PCI_DEVICE, sg_topology_pci_bus(index) << 8,
        ABI_DRM_RENDER_MINOR + index, SG_ENGINE_MHZ, SG_FIRMWARE_MEC, CAPABILITY, SG_FIRMWARE_SDMA,
        (unsigned long long)sg_topology_unique_id(index), 0);
    put_memory(nodes, node, HEAP_VRAM_PUBLIC, topology->vram_bytes, SG_MEMORY_BITS, SG_MEMORY_MHZ);
    for (uint32_t i = 0; i < cache_count; i++)
        put_cache(nodes, node, i, simd_id, &caches[i]);
    put_gpu_links(nodes, node, topology->gpu_count);
}

bool sg_topology_generate(const struct sg_topology *topology, sg_topology_emit emit,
                          void *context) {
    struct sg_nodes nodes = {.emit = emit, .context = context, .ok = true};

    sg_nodes_device(&nodes, "/dev/kfd", SG_KFD_MAJOR, 0);
    sg_nodes_file(&nodes, KFD "/dev", "%u:0\n", SG_KFD_MAJOR);
    sg_nodes_file(&nodes, KFD "/uevent", "MAJOR=%u\nMINOR=0\nDEVNAME=kfd\n", SG_KFD_MAJOR);
    sg_nodes_file(&nodes, KFD "/topology/generation_id", "2\n");
    sg_nodes_file(&nodes, KFD "/topology/system_properties",
                  "platform_oem 0\nplatform_id 0\nplatform_rev 0\n");
    sg_nodes_link(&nodes, "/sys/class/kfd/kfd", KFD);
    sg_nodes_directory(&nodes, KFD "/proc"); /* other processes have GPUs of their own */
    put_cpu_node(&nodes, topology);
    for (uint32_t i = 0; i < topology->gpu_count; i++) {
        put_gpu_node(&nodes, topology, i);
        sg_card_describe(&nodes, topology, i);
    }
    sg_card_describe_module(&nodes);
    return nodes.ok;
}
