/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/topology.h"

#include "softgpu/kfd/kfd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NODES "/sys/devices/virtual/kfd/kfd/topology/nodes"
enum { LIMIT = 1024 };

struct entry {
    enum sg_node_kind kind;
    char path[256];
    char content[2048];
};

static struct entry entries[LIMIT];
static size_t entry_count;

static bool collect(void *context, const struct sg_node *node) {
    (void)context;
    struct entry *entry = &entries[entry_count++];
    assert_true(entry_count < LIMIT);
    entry->kind = node->kind;
    snprintf(entry->path, sizeof entry->path, "%s", node->path);
    snprintf(entry->content, sizeof entry->content, "%s", node->content ? node->content : "");
    return true;
}

static void generate_gpus(uint32_t gpu_count, uint32_t cus, bool host_has_cpu_caches) {
    const struct sg_topology topology = {.gpu_count = gpu_count,
                                         .vram_bytes = 5ull << 30,
                                         .ram_bytes = 16ull << 30,
                                         .cu_count = cus,
                                         .cpu_count = 6,
                                         .first_apic_id = 2,
                                         .host_has_cpu_caches = host_has_cpu_caches};
    entry_count = 0;
    assert_true(sg_topology_generate(&topology, collect, NULL));
}

static void generate(uint32_t cus, bool host_has_cpu_caches) {
    generate_gpus(1, cus, host_has_cpu_caches);
}

static const char *content(const char *path) {
    for (size_t i = 0; i < entry_count; i++) {
        if (!strcmp(entries[i].path, path))
            return entries[i].content;
    }
    fail_msg("no %s", path);
    return NULL;
}

static unsigned long long property(const char *path, const char *name) {
    char line[64];
    snprintf(line, sizeof line, "%s ", name);
    for (const char *at = content(path); at && *at; at = strchr(at, '\n') + 1) {
        if (!strncmp(at, line, strlen(line)))
            return strtoull(at + strlen(line), NULL, 10);
    }
    fail_msg("%s has no %s", path, name);
    return 0;
}

#define GPU(name) property(NODES "/1/properties", name)
#define CPU(name) property(NODES "/0/properties", name)

static void the_gpu_is_an_mi210(void **state) {
    (void)state;
    generate(104, true);
    assert_int_equal(strtoul(content(NODES "/1/gpu_id"), NULL, 10), SG_GPU_ID);
    assert_int_equal(GPU("simd_count"), 416);
    assert_int_equal(GPU("simd_per_cu"), 4);
    assert_int_equal(GPU("array_count"), 8);
    assert_int_equal(GPU("simd_arrays_per_engine"), 1);
    assert_int_equal(GPU("cu_per_simd_array"), 14);
    assert_int_equal(GPU("cpu_cores_count"), 0);
    assert_int_equal(GPU("gfx_target_version"), 90010);
    assert_int_equal(GPU("device_id"), 0x740f);
    assert_int_equal(GPU("drm_render_minor"), 128);
    const unsigned long long capability = GPU("capability");
    assert_true(capability >> 26 & 1);         /* sramecc+ */
    assert_int_equal(capability >> 12 & 3, 2); /* 8-byte doorbells */
    assert_int_equal(capability >> 30 & 1, 0);
    assert_int_equal(property(NODES "/1/mem_banks/0/properties", "size_in_bytes"), 5ull << 30);
    assert_int_equal(property(NODES "/1/mem_banks/0/properties", "heap_type"), 1);
}

static void any_number_of_units_has_a_consistent_shape(void **state) {
    (void)state;
    for (uint32_t cus = 1; cus <= 104; cus++) {
        generate(cus, true);
        assert_int_equal(GPU("simd_count"), cus * GPU("simd_per_cu"));
        assert_true(GPU("array_count") >= 1 && GPU("array_count") <= 8);
        assert_true(GPU("array_count") * GPU("cu_per_simd_array") >= cus);
        assert_true(GPU("array_count") <= cus);
    }
}

static void counts_match_what_is_there(void **state) {
    (void)state;
    static const char *const kinds[][2] = {{"caches_count", "caches"},
                                           {"mem_banks_count", "mem_banks"},
                                           {"io_links_count", "io_links"},
                                           {"p2p_links_count", "p2p_links"}};
    for (int host_caches = 0; host_caches < 2; host_caches++) {
        generate_gpus(3, 104, host_caches);
        for (int node = 0; node < 4; node++) {
            for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
                char path[128];
                snprintf(path, sizeof path, NODES "/%d/properties", node);
                const unsigned long long count = property(path, kinds[kind][0]);
                for (unsigned i = 0; i < count; i++) {
                    snprintf(path, sizeof path, NODES "/%d/%s/%u/properties", node, kinds[kind][1],
                             i);
                    content(path);
                }
                snprintf(path, sizeof path, NODES "/%d/%s/%llu/properties", node, kinds[kind][1],
                         count);
                for (size_t i = 0; i < entry_count; i++)
                    assert_string_not_equal(entries[i].path, path);
            }
        }
    }
}

static void the_cpu_node_takes_the_hosts_caches_where_there_are_any(void **state) {
    (void)state;
    generate(104, true);
    assert_int_equal(CPU("caches_count"), 0);
    assert_int_equal(CPU("cpu_cores_count"), 6);
    assert_int_equal(CPU("cpu_core_id_base"), 2);
    assert_int_equal(CPU("simd_count"), 0);
    generate(104, false);
    assert_true(CPU("caches_count") > 0);
}

static void links_go_both_ways(void **state) {
    (void)state;
    generate(104, true);
    for (unsigned node = 0; node < 2; node++) {
        char path[128];
        snprintf(path, sizeof path, NODES "/%u/io_links/0/properties", node);
        assert_int_equal(property(path, "node_from"), node);
        assert_int_equal(property(path, "node_to"), 1 - node);
        assert_int_equal(property(path, "type"), 2);
        assert_true(property(path, "weight") <= 20); /* ROCT: a direct link */
    }
}

static void each_gpu_is_another_device(void **state) {
    (void)state;
    static const char *const names[] = {"location_id", "drm_render_minor", "unique_id",
                                        "simd_id_base"};
    generate_gpus(SG_GPU_LIMIT, 104, true);
    for (unsigned a = 1; a <= SG_GPU_LIMIT; a++) {
        char one[128];
        char other[128];
        snprintf(one, sizeof one, NODES "/%u/gpu_id", a);
        assert_int_equal(strtoul(content(one), NULL, 10), sg_gpu_id(a - 1));
        snprintf(one, sizeof one, NODES "/%u/properties", a);
        for (unsigned b = 1; b < a; b++) {
            snprintf(other, sizeof other, NODES "/%u/properties", b);
            for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                assert_int_not_equal(property(one, names[i]), property(other, names[i]));
        }
        snprintf(other, sizeof other, "/sys/dev/char/226:%llu", property(one, "drm_render_minor"));
        char slot[64];
        snprintf(slot, sizeof slot, "/0000:%02llx:00.0/", property(one, "location_id") >> 8);
        assert_non_null(strstr(content(other), slot));
    }
}

static void peers_are_two_hops_of_pcie_apart(void **state) {
    (void)state;
    generate_gpus(3, 104, true);
    static const unsigned peers[3][2] = {{2, 3}, {1, 3}, {1, 2}};
    for (unsigned node = 1; node <= 3; node++) {
        for (unsigned i = 0; i < 2; i++) {
            char path[128];
            snprintf(path, sizeof path, NODES "/%u/p2p_links/%u/properties", node, i);
            assert_int_equal(property(path, "node_from"), node);
            assert_int_equal(property(path, "node_to"), peers[node - 1][i]);
            assert_int_equal(property(path, "type"), 2);
            assert_int_equal(property(path, "weight"), 40);
        }
    }
}

static void no_path_occurs_twice_and_links_lead_somewhere(void **state) {
    (void)state;
    generate_gpus(SG_GPU_LIMIT, 104, true);
    for (size_t i = 0; i < entry_count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(entries[i].path, entries[j].path);
        if (entries[i].kind == SG_NODE_LINK)
            assert_true(entries[i].content[0] == '/');
        /* ROCT reads properties into one page. */
        assert_true(strlen(entries[i].content) < sizeof entries[i].content - 1);
    }
}

/* The same facts in the topology and in the card's files, and no sensor that isn't there. */
static void the_card_says_what_the_topology_says(void **state) {
    (void)state;
#define CARD "/sys/devices/pci0000:00/0000:26:00.0"
    generate_gpus(2, 104, true);
    char text[64];
    snprintf(text, sizeof text, "%016llx\n", property(NODES "/2/properties", "unique_id"));
    assert_string_equal(content(CARD "/unique_id"), text);
    snprintf(text, sizeof text, "0: %lluMhz *\n",
             property(NODES "/2/properties", "max_engine_clk_fcompute"));
    assert_string_equal(content(CARD "/pp_dpm_sclk"), text);
    snprintf(text, sizeof text, "%llu\n",
             property(NODES "/2/mem_banks/0/properties", "size_in_bytes"));
    assert_string_equal(content(CARD "/mem_info_vram_total"), text);
    snprintf(text, sizeof text, "0x%08llx\n", property(NODES "/2/properties", "fw_version"));
    assert_string_equal(content(CARD "/fw_version/mec_fw_version"), text);
    assert_string_equal(content(CARD "/hwmon/hwmon1/name"), "amdgpu\n");
    for (size_t i = 0; i < entry_count; i++) {
        assert_null(strstr(entries[i].path, "/temp"));
        assert_null(strstr(entries[i].path, "/power1"));
    }
}

static bool stop_at_once(void *context, const struct sg_node *node) {
    (void)node;
    ++*(int *)context;
    return false;
}

static void a_failing_receiver_ends_it(void **state) {
    (void)state;
    int calls = 0;
    const struct sg_topology topology = {.cu_count = 8};
    assert_false(sg_topology_generate(&topology, stop_at_once, &calls));
    assert_int_equal(calls, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gpu_is_an_mi210),
        cmocka_unit_test(any_number_of_units_has_a_consistent_shape),
        cmocka_unit_test(counts_match_what_is_there),
        cmocka_unit_test(the_cpu_node_takes_the_hosts_caches_where_there_are_any),
        cmocka_unit_test(links_go_both_ways),
        cmocka_unit_test(each_gpu_is_another_device),
        cmocka_unit_test(peers_are_two_hops_of_pcie_apart),
        cmocka_unit_test(no_path_occurs_twice_and_links_lead_somewhere),
        cmocka_unit_test(the_card_says_what_the_topology_says),
        cmocka_unit_test(a_failing_receiver_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
