/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/topology.h"
#include "abi/drm.h"
#include "softgpu/kfd/kfd.h"

#include <stdarg.h>
#include <stdio.h>

#define KFD  "/sys/devices/virtual/kfd/kfd"
#define NODE KFD "/topology/nodes"
#define PCI  "/sys/devices/pci0000:00/0000:%02x:00.0"

enum { MAX_ENGINES = 8, ARRAY_UNITS = 14, TEXT_BYTES = 2048, PATH_BYTES = 128 };

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

struct writer {
    sg_topology_emit emit;
    void *context;
    bool ok;
};

static void put(struct writer *writer, const struct sg_node *node) {
    writer->ok = writer->ok && writer->emit(writer->context, node);
}

__attribute__((format(printf, 3, 4))) static void put_file(struct writer *writer, const char *path,
                                                           const char *format, ...) {
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(writer, &(struct sg_node){.kind = SG_NODE_FILE, .path = path, .content = text});
}

static void put_link(struct writer *writer, const char *path, const char *target) {
    put(writer, &(struct sg_node){.kind = SG_NODE_LINK, .path = path, .content = target});
}

static void put_directory(struct writer *writer, const char *path) {
    put(writer, &(struct sg_node){.kind = SG_NODE_DIRECTORY, .path = path});
}

static void put_device(struct writer *writer, const char *path, uint32_t major, uint32_t minor) {
    put(writer,
        &(struct sg_node){.kind = SG_NODE_DEVICE, .path = path, .major = major, .minor = minor});
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

static void put_cache(struct writer *writer, uint32_t node, uint32_t index, uint32_t processor,
                      const struct cache *cache) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, NODE "/%u/caches/%u/properties", node, index);
    put_file(writer, path,
             "processor_id_low %u\nlevel %u\nsize %u\ncache_line_size %u\ncache_lines_per_tag 1\n"
             "association %u\nlatency 0\ntype %u\nsibling_map 1\n",
             processor, cache->level, cache->kilobytes, cache->line, cache->ways, cache->type);
}

/* The weight of a way is 20 per hop. */
enum { LINK_HOP = 20, LINK_PEER = 2 * LINK_HOP };

static void put_link_properties(struct writer *writer, uint32_t from, uint32_t to,
                                const char *directory, uint32_t index, uint32_t weight) {
    enum { PCIE = 2, ENABLED = 1, MEGABYTES_PER_SECOND = 31504 };
    char path[PATH_BYTES];
    snprintf(path, sizeof path, NODE "/%u/%s/%u/properties", from, directory, index);
    put_file(writer, path,
             "type %u\nversion_major 0\nversion_minor 0\nnode_from %u\nnode_to %u\nweight %u\n"
             "min_latency 0\nmax_latency 0\nmin_bandwidth 312\nmax_bandwidth %u\n"
             "recommended_transfer_size 0\nflags %u\n",
             PCIE, from, to, weight, MEGABYTES_PER_SECOND, ENABLED);
}

static void put_memory(struct writer *writer, uint32_t node, uint32_t heap, uint64_t bytes,
                       uint32_t width, uint32_t mhz) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, NODE "/%u/mem_banks/0/properties", node);
    put_file(writer, path, "heap_type %u\nsize_in_bytes %llu\nflags 0\nwidth %u\nmem_clk_max %u\n",
             heap, (unsigned long long)bytes, width, mhz);
}

static void put_cpu_node(struct writer *writer, const struct sg_topology *topology) {
    static const struct cache caches[] = {
        {1, 32, 64, 8, CACHE_DATA | CACHE_CPU},
        {1, 32, 64, 8, CACHE_INSTRUCTION | CACHE_CPU},
        {2, 512, 64, 8, CACHE_DATA | CACHE_INSTRUCTION | CACHE_CPU},
        {3, 16384, 64, 16, CACHE_DATA | CACHE_INSTRUCTION | CACHE_CPU},
    };
    const uint32_t cache_count =
        topology->host_has_cpu_caches ? 0 : sizeof caches / sizeof caches[0];

    put_file(writer, NODE "/0/gpu_id", "0\n");
    put_file(writer, NODE "/0/name", "\n");
    put_file(writer, NODE "/0/properties",
             "cpu_cores_count %u\nsimd_count 0\nmem_banks_count 1\ncaches_count %u\n"
             "io_links_count %u\np2p_links_count 0\ncpu_core_id_base %u\nsimd_id_base 0\n"
             "max_waves_per_simd 0\nlds_size_in_kb 0\ngds_size_in_kb 0\nnum_gws 0\n"
             "wave_front_size 0\narray_count 0\nsimd_arrays_per_engine 0\ncu_per_simd_array 0\n"
             "simd_per_cu 0\nmax_slots_scratch_cu 0\ngfx_target_version 0\nvendor_id 0\n"
             "device_id 0\nlocation_id 0\ndomain 0\ndrm_render_minor 0\nhive_id 0\n"
             "num_sdma_engines 0\nnum_sdma_xgmi_engines 0\nnum_sdma_queues_per_engine 0\n"
             "num_cp_queues 0\nmax_engine_clk_ccompute 0\n",
             topology->cpu_count, cache_count, topology->gpu_count, topology->first_apic_id);
    put_memory(writer, 0, HEAP_SYSTEM, topology->ram_bytes, 64, 0);
    put_directory(writer, NODE "/0/caches");
    for (uint32_t i = 0; i < cache_count; i++)
        put_cache(writer, 0, i, topology->first_apic_id, &caches[i]);
    for (uint32_t i = 0; i < topology->gpu_count; i++)
        put_link_properties(writer, 0, i + 1, "io_links", i, LINK_HOP);
    put_directory(writer, NODE "/0/p2p_links");
}

static void put_gpu_links(struct writer *writer, uint32_t node, uint32_t gpu_count) {
    char path[PATH_BYTES];
    uint32_t peers = 0;
    put_link_properties(writer, node, 0, "io_links", 0, LINK_HOP);
    snprintf(path, sizeof path, NODE "/%u/p2p_links", node);
    put_directory(writer, path);
    for (uint32_t other = 1; other <= gpu_count; other++) {
        if (other != node)
            put_link_properties(writer, node, other, "p2p_links", peers++, LINK_PEER);
    }
}

static void put_gpu_node(struct writer *writer, const struct sg_topology *topology,
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
    put_file(writer, path, "%u\n", sg_gpu_id(index));
    snprintf(path, sizeof path, NODE "/%u/name", node);
    put_file(writer, path, "aldebaran\n");
    snprintf(path, sizeof path, NODE "/%u/properties", node);
    put_file(writer, path,
             "cpu_cores_count 0\nsimd_count %u\nmem_banks_count 1\ncaches_count %u\n"
             "io_links_count 1\np2p_links_count %u\ncpu_core_id_base 0\nsimd_id_base %u\n"
             "max_waves_per_simd 8\nlds_size_in_kb 64\ngds_size_in_kb 0\nnum_gws 64\n"
             "wave_front_size 64\narray_count %u\nsimd_arrays_per_engine 1\n"
             "cu_per_simd_array %u\nsimd_per_cu %u\nmax_slots_scratch_cu 32\n"
             "gfx_target_version 90010\nvendor_id %u\ndevice_id %u\nlocation_id %u\ndomain 0\n"
             "drm_render_minor %u\nhive_id 0\nnum_sdma_engines 2\nnum_sdma_xgmi_engines 0\n"
             "num_sdma_queues_per_engine 8\nnum_cp_queues 24\nmax_engine_clk_fcompute %u\n"
             "local_mem_size 0\nfw_version 71\ncapability %u\ndebug_prop 0\nsdma_fw_version 8\n"
             "unique_id %llu\nnum_xcc 1\nmax_engine_clk_ccompute %u\n",
             shape.cus * SIMD_PER_CU, cache_count, topology->gpu_count - 1, simd_id, shape.engines,
             shape.cus_per_engine < ARRAY_UNITS && topology->cu_count > MAX_ENGINES
                 ? ARRAY_UNITS
                 : shape.cus_per_engine,
             SIMD_PER_CU, SG_PCI_VENDOR, SG_PCI_DEVICE, sg_topology_pci_bus(index) << 8,
             ABI_DRM_RENDER_MINOR + index, SG_ENGINE_MHZ, CAPABILITY, 0x90a0740f00000001ull + index,
             0);
    put_memory(writer, node, HEAP_VRAM_PUBLIC, topology->vram_bytes, SG_MEMORY_BITS, SG_MEMORY_MHZ);
    for (uint32_t i = 0; i < cache_count; i++)
        put_cache(writer, node, i, simd_id, &caches[i]);
    put_gpu_links(writer, node, topology->gpu_count);
}

/* A DRM minor of a PCI device, and the ways that lead to it. */
static void put_minor(struct writer *writer, const char *pci, const char *name, uint32_t minor) {
    char path[3 * PATH_BYTES];
    char device[2 * PATH_BYTES];
    snprintf(device, sizeof device, "%.*s/drm/%s", PATH_BYTES - 1, pci, name);
    snprintf(path, sizeof path, "%s/dev", device);
    put_file(writer, path, "%u:%u\n", ABI_DRM_MAJOR, minor);
    snprintf(path, sizeof path, "%s/uevent", device);
    put_file(writer, path, "MAJOR=%u\nMINOR=%u\nDEVNAME=dri/%s\nDEVTYPE=drm_minor\n", ABI_DRM_MAJOR,
             minor, name);
    snprintf(path, sizeof path, "%s/device", device);
    put_link(writer, path, pci);
    snprintf(path, sizeof path, "/sys/dev/char/%u:%u", ABI_DRM_MAJOR, minor);
    put_link(writer, path, device);
    snprintf(path, sizeof path, "/sys/class/drm/%s", name);
    put_link(writer, path, device);
}

static void put_pci_files(struct writer *writer, const char *pci, uint32_t bus) {
    static const struct {
        const char *name, *content;
    } files[] = {
        {"subsystem_device", "0x0c34\n"},
        {"class", "0x038000\n"},
    };
    const struct {
        const char *name;
        uint32_t value, digits;
    } numbers[] = {
        {"vendor", SG_PCI_VENDOR, 4},
        {"device", SG_PCI_DEVICE, 4},
        {"subsystem_vendor", SG_PCI_VENDOR, 4},
        {"revision", SG_PCI_REVISION, 2},
    };
    char path[2 * PATH_BYTES];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        snprintf(path, sizeof path, "%.*s/%s", PATH_BYTES - 1, pci, numbers[i].name);
        put_file(writer, path, "0x%0*x\n", (int)numbers[i].digits, numbers[i].value);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%.*s/%s", PATH_BYTES - 1, pci, files[i].name);
        put_file(writer, path, "%s", files[i].content);
    }
    snprintf(path, sizeof path, "%.*s/uevent", PATH_BYTES - 1, pci);
    put_file(writer, path,
             "DRIVER=amdgpu\nPCI_CLASS=38000\nPCI_ID=1002:740F\nPCI_SUBSYS_ID=1002:0C34\n"
             "PCI_SLOT_NAME=0000:%02x:00.0\n",
             bus);
}

static void put_pci(struct writer *writer, uint32_t index) {
    const uint32_t bus = sg_topology_pci_bus(index);
    char pci[PATH_BYTES];
    char path[2 * PATH_BYTES];
    char name[32];

    snprintf(pci, sizeof pci, PCI, bus);
    put_pci_files(writer, pci, bus);
    snprintf(path, sizeof path, "%s/subsystem", pci);
    put_link(writer, path, "/sys/bus/pci");
    snprintf(path, sizeof path, "%s/driver", pci);
    put_link(writer, path, "/sys/bus/pci/drivers/amdgpu");
    snprintf(path, sizeof path, "/sys/bus/pci/devices/0000:%02x:00.0", bus);
    put_link(writer, path, pci);
    snprintf(path, sizeof path, "/sys/bus/pci/drivers/amdgpu/0000:%02x:00.0", bus);
    put_link(writer, path, pci);
    snprintf(name, sizeof name, "renderD%u", ABI_DRM_RENDER_MINOR + index);
    put_minor(writer, pci, name, ABI_DRM_RENDER_MINOR + index);
    snprintf(path, sizeof path, "/dev/dri/%s", name);
    put_device(writer, path, ABI_DRM_MAJOR, ABI_DRM_RENDER_MINOR + index);
    snprintf(name, sizeof name, "card%u", ABI_DRM_CARD_MINOR + index);
    put_minor(writer, pci, name, ABI_DRM_CARD_MINOR + index);
}

static void put_module(struct writer *writer) {
    put(writer, &(struct sg_node){.kind = SG_NODE_FILE,
                                  .path = "/proc/modules",
                                  .content = "amdgpu 8818688 0 - Live 0x0000000000000000\n",
                                  .host_first = true});
    put_file(writer, "/sys/module/amdgpu/initstate", "live\n");
    put_file(writer, "/sys/module/amdgpu/coresize", "8818688\n");
    put_file(writer, "/sys/module/amdgpu/refcnt", "0\n");
    put_directory(writer, "/sys/module/amdgpu/holders");
}

bool sg_topology_generate(const struct sg_topology *topology, sg_topology_emit emit,
                          void *context) {
    struct writer writer = {.emit = emit, .context = context, .ok = true};

    put_device(&writer, "/dev/kfd", SG_KFD_MAJOR, 0);
    put_file(&writer, KFD "/dev", "%u:0\n", SG_KFD_MAJOR);
    put_file(&writer, KFD "/uevent", "MAJOR=%u\nMINOR=0\nDEVNAME=kfd\n", SG_KFD_MAJOR);
    put_file(&writer, KFD "/topology/generation_id", "2\n");
    put_file(&writer, KFD "/topology/system_properties",
             "platform_oem 0\nplatform_id 0\nplatform_rev 0\n");
    put_link(&writer, "/sys/class/kfd/kfd", KFD);
    put_cpu_node(&writer, topology);
    for (uint32_t i = 0; i < topology->gpu_count; i++) {
        put_gpu_node(&writer, topology, i);
        put_pci(&writer, i);
    }
    put_module(&writer);
    return writer.ok;
}
