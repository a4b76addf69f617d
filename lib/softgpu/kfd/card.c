/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/card.h"

#include "abi/drm.h"
#include "softgpu/kfd/kfd.h"

#include <stdio.h>

#define PCI "/sys/devices/pci0000:00/0000:%02x:00.0"

enum { PATH_BYTES = 128 };

/* What is the same for every card. The link is PCIe 4.0 with 16 lanes, as the topology's bandwidth
 * says; no error was ever corrected in memory that can't have any. */
static const struct text_file {
    const char *name, *content; /* the name below the PCI device */
} text_files[] = {
    {"class", "0x038000\n"},
    {"subsystem_device", "0x0c34\n"},
    {"numa_node", "0\n"},
    {"current_link_speed", "16.0 GT/s PCIe\n"},
    {"current_link_width", "16\n"},
    {"max_link_speed", "16.0 GT/s PCIe\n"},
    {"max_link_width", "16\n"},
    {"vbios_version", "software-gfx90a\n"},
    {"power_dpm_force_performance_level", "auto\n"},
    {"pp_sclk_od", "0\n"},
    {"pp_mclk_od", "0\n"},
    {"pcie_replay_count", "0\n"},
    {"ras/features", "feature mask: 0x7\n"}, /* the three blocks below */
    {"ras/umc_err_count", "ue: 0\nce: 0\n"},
    {"ras/sdma_err_count", "ue: 0\nce: 0\n"},
    {"ras/gfx_err_count", "ue: 0\nce: 0\n"},
};

/* Path of a file of the PCI device. */
static const char *in_device(char out[2 * PATH_BYTES], const char *pci, const char *name) {
    snprintf(out, 2 * PATH_BYTES, "%.*s/%s", PATH_BYTES - 1, pci, name);
    return out;
}

/* A DRM minor of a PCI device, and the ways that lead to it. */
static void put_minor(struct sg_nodes *nodes, const char *pci, const char *name, uint32_t minor) {
    char path[3 * PATH_BYTES];
    char device[2 * PATH_BYTES];
    snprintf(device, sizeof device, "%.*s/drm/%s", PATH_BYTES - 1, pci, name);
    snprintf(path, sizeof path, "%s/dev", device);
    sg_nodes_file(nodes, path, "%u:%u\n", ABI_DRM_MAJOR, minor);
    snprintf(path, sizeof path, "%s/uevent", device);
    sg_nodes_file(nodes, path, "MAJOR=%u\nMINOR=%u\nDEVNAME=dri/%s\nDEVTYPE=drm_minor\n",
                  ABI_DRM_MAJOR, minor, name);
    snprintf(path, sizeof path, "%s/device", device);
    sg_nodes_link(nodes, path, pci);
    snprintf(path, sizeof path, "/sys/dev/char/%u:%u", ABI_DRM_MAJOR, minor);
    sg_nodes_link(nodes, path, device);
    snprintf(path, sizeof path, "/sys/class/drm/%s", name);
    sg_nodes_link(nodes, path, device);
}

static void put_identity(struct sg_nodes *nodes, const char *pci, uint32_t index) {
    const struct {
        const char *name;
        uint32_t value;
        int digits;
    } numbers[] = {
        {"vendor", SG_PCI_VENDOR, 4},
        {"device", SG_PCI_DEVICE, 4},
        {"subsystem_vendor", SG_PCI_VENDOR, 4},
        {"revision", SG_PCI_REVISION, 2},
        {"fw_version/mec_fw_version", SG_FIRMWARE_MEC, 8},
        {"fw_version/sdma_fw_version", SG_FIRMWARE_SDMA, 8},
    };
    char path[2 * PATH_BYTES];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sg_nodes_file(nodes, in_device(path, pci, numbers[i].name), "0x%0*x\n", numbers[i].digits,
                      numbers[i].value);
    sg_nodes_file(nodes, in_device(path, pci, "unique_id"), "%016llx\n",
                  (unsigned long long)sg_topology_unique_id(index));
    sg_nodes_file(nodes, in_device(path, pci, "uevent"),
                  "DRIVER=amdgpu\nPCI_CLASS=38000\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:0C34\n"
                  "PCI_SLOT_NAME=0000:%02x:00.0\n",
                  SG_PCI_VENDOR, SG_PCI_DEVICE, SG_PCI_VENDOR, sg_topology_pci_bus(index));
}

/* The PCI aperture covers all VRAM. */
static void put_memory(struct sg_nodes *nodes, const char *pci, const struct sg_topology *topology,
                       uint32_t index) {
    const struct {
        const char *total, *used;
        uint64_t bytes;
        enum sg_live live;
    } heaps[] = {
        {"mem_info_vram_total", "mem_info_vram_used", topology->vram_bytes, SG_LIVE_VRAM_USED},
        {"mem_info_vis_vram_total", "mem_info_vis_vram_used", topology->vram_bytes,
         SG_LIVE_VRAM_USED},
        {"mem_info_gtt_total", "mem_info_gtt_used", topology->ram_bytes / SG_GTT_LIMIT_DIVISOR,
         SG_LIVE_GTT_USED},
    };
    char path[2 * PATH_BYTES];
    for (size_t i = 0; i < sizeof heaps / sizeof heaps[0]; i++) {
        sg_nodes_file(nodes, in_device(path, pci, heaps[i].total), "%llu\n",
                      (unsigned long long)heaps[i].bytes);
        sg_nodes_live_file(nodes, in_device(path, pci, heaps[i].used), heaps[i].live, index);
    }
}

/* Without a monitor and the label of a voltage rocm_smi 5.2 doesn't start, or is aborted by its
 * assertions; without values it says that they aren't supported. */
static void put_clocks(struct sg_nodes *nodes, const char *pci, uint32_t index) {
    const struct {
        const char *label;
        uint32_t mhz;
    } clocks[] = {{"sclk", SG_ENGINE_MHZ}, {"mclk", SG_MEMORY_MHZ}};
    char monitor[PATH_BYTES];
    char path[2 * PATH_BYTES];
    snprintf(monitor, sizeof monitor, "%.*s/hwmon/hwmon%u", PATH_BYTES / 2, pci, index);
    sg_nodes_file(nodes, in_device(path, monitor, "name"), "amdgpu\n");
    sg_nodes_file(nodes, in_device(path, monitor, "in0_label"), "vddgfx\n");
    for (unsigned i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        snprintf(path, sizeof path, "%.*s/pp_dpm_%s", PATH_BYTES - 1, pci, clocks[i].label);
        sg_nodes_file(nodes, path, "0: %uMhz *\n", clocks[i].mhz);
        snprintf(path, sizeof path, "%.*s/freq%u_label", PATH_BYTES - 1, monitor, i + 1);
        sg_nodes_file(nodes, path, "%s\n", clocks[i].label);
        snprintf(path, sizeof path, "%.*s/freq%u_input", PATH_BYTES - 1, monitor, i + 1);
        sg_nodes_file(nodes, path, "%u000000\n", clocks[i].mhz);
    }
}

static void put_links(struct sg_nodes *nodes, const char *pci, uint32_t bus) {
    static const char *const lists[] = {"/sys/bus/pci/devices", "/sys/bus/pci/drivers/amdgpu"};
    char path[2 * PATH_BYTES];
    sg_nodes_link(nodes, in_device(path, pci, "subsystem"), "/sys/bus/pci");
    sg_nodes_link(nodes, in_device(path, pci, "driver"), "/sys/bus/pci/drivers/amdgpu");
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        snprintf(path, sizeof path, "%s/0000:%02x:00.0", lists[i], bus);
        sg_nodes_link(nodes, path, pci);
    }
}

void sg_card_describe(struct sg_nodes *nodes, const struct sg_topology *topology, uint32_t index) {
    const uint32_t bus = sg_topology_pci_bus(index);
    char pci[PATH_BYTES];
    char path[2 * PATH_BYTES];
    char name[32];

    snprintf(pci, sizeof pci, PCI, bus);
    put_identity(nodes, pci, index);
    for (size_t i = 0; i < sizeof text_files / sizeof text_files[0]; i++)
        sg_nodes_file(nodes, in_device(path, pci, text_files[i].name), "%s", text_files[i].content);
    put_memory(nodes, pci, topology, index);
    put_clocks(nodes, pci, index);
    put_links(nodes, pci, bus);
    snprintf(name, sizeof name, "renderD%u", ABI_DRM_RENDER_MINOR + index);
    put_minor(nodes, pci, name, ABI_DRM_RENDER_MINOR + index);
    snprintf(path, sizeof path, "/dev/dri/%s", name);
    sg_nodes_device(nodes, path, ABI_DRM_MAJOR, ABI_DRM_RENDER_MINOR + index);
    snprintf(name, sizeof name, "card%u", ABI_DRM_CARD_MINOR + index);
    put_minor(nodes, pci, name, ABI_DRM_CARD_MINOR + index);
}

void sg_card_describe_module(struct sg_nodes *nodes) {
    sg_nodes_host_file(nodes, "/proc/modules", "amdgpu 8818688 0 - Live 0x0000000000000000\n");
    sg_nodes_file(nodes, "/sys/module/amdgpu/initstate", "live\n");
    sg_nodes_file(nodes, "/sys/module/amdgpu/coresize", "8818688\n");
    sg_nodes_file(nodes, "/sys/module/amdgpu/refcnt", "0\n");
    sg_nodes_directory(nodes, "/sys/module/amdgpu/holders");
}
