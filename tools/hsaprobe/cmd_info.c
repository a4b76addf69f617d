/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <hsaprobe/pool.h>
#include <hsaprobe/runtime.h>

#include "command.h"
#include "memory.h"

const struct command_options cmd_info_options = {
    .details = "On the software GPU everything about the GPU is modelled after an MI210; what the "
               "runtime and the host say is measured.",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void report_runtime(struct report *report) {
    struct hsp_runtime_info info;
    if (hsp_runtime_info_get(&info))
        return;
    char *version = xasprintf("%u.%u", info.hsa_version_major, info.hsa_version_minor);
    char *amd = info.amd_version_major || info.amd_version_minor
                    ? xasprintf("%u.%u", info.amd_version_major, info.amd_version_minor)
                    : xstrdup("before 1.5"); /* the question itself came with ROCm 6.1 */
    struct report_section *section = report_fields(report, "runtime", "runtime");
#define FIELD(key, title, value)                                                                   \
    report_field(section, &(struct report_column){key, title, SOURCE_MEASURED, FORMAT_PLAIN}, value)
    FIELD("library", "library", report_text(info.library_path));
    FIELD("hsa_version", "HSA version", report_text(version));
    FIELD("amd_version", "AMD extension", report_text(amd));
    FIELD("timestamp_hz", "system clock Hz", report_integer(info.timestamp_frequency_hz));
    FIELD("functions_missing", "functions it lacks", report_integer(info.missing_count));
#undef FIELD
    free(version);
    free(amd);
}

static const char *type_name(enum hsp_agent_type type) {
    static const char *const names[] = {
        [HSP_AGENT_CPU] = "CPU", [HSP_AGENT_GPU] = "GPU", [HSP_AGENT_OTHER] = "other"};
    return names[type];
}

static enum report_source source_of(const struct command_context *context,
                                    const struct hsp_agent_info *info) {
    return info->type == HSP_AGENT_GPU ? device_source(context->device) : SOURCE_MEASURED;
}

/* One section per agent: what is 0 is not known, and left out. */
static void report_agent(const struct command_context *context, const struct hsp_agent *agent) {
    const struct hsp_agent_info *info = hsp_agent_info_get(agent);
    const struct {
        const char *key;
        const char *title;
        uint64_t value;
        enum report_format format;
    } numbers[] = {
        {"node", "driver node", info->node, FORMAT_PLAIN},
        {"chip_id", "chip", info->chip_id, FORMAT_HEX},
        {"cu_count", "compute units", info->cu_count, FORMAT_PLAIN},
        {"simds_per_cu", "SIMDs in a unit", info->simds_per_cu, FORMAT_PLAIN},
        {"waves_per_cu", "waves in a unit", info->waves_per_cu, FORMAT_PLAIN},
        {"shader_engines", "shader engines", info->shader_engines, FORMAT_PLAIN},
        {"wavefront_size", "wavefront", info->wavefront_size, FORMAT_PLAIN},
        {"clock_mhz", "clock MHz", info->clock_mhz, FORMAT_PLAIN},
        {"memory_mhz", "memory MHz", info->memory_mhz, FORMAT_PLAIN},
        {"memory_bus_bits", "memory bus bits", info->memory_bus_bits, FORMAT_PLAIN},
        {"l1_bytes", "L1 cache", info->cache_bytes[0], FORMAT_BYTES},
        {"l2_bytes", "L2 cache", info->cache_bytes[1], FORMAT_BYTES},
        {"l3_bytes", "L3 cache", info->cache_bytes[2], FORMAT_BYTES},
        {"cacheline_bytes", "cache line", info->cacheline_bytes, FORMAT_BYTES},
        {"lds_bytes", "LDS of a work-group", info->lds_bytes, FORMAT_BYTES},
        {"workgroup_max_size", "largest work-group", info->workgroup_max_size, FORMAT_PLAIN},
        {"grid_max_size", "largest grid", info->grid_max_size, FORMAT_PLAIN},
        {"queues_max", "queues", info->queues_max, FORMAT_PLAIN},
        {"queue_max_packets", "packets in a queue", info->queue_max_packets, FORMAT_PLAIN},
        {"timestamp_hz", "timestamp Hz", info->timestamp_frequency_hz, FORMAT_PLAIN},
    };
    enum report_source source = source_of(context, info);
    char *key = xasprintf("agent_%u", info->index);
    char *title = xasprintf("agent %u: %s %s", info->index, type_name(info->type), info->name);
    struct report_section *section = report_fields(context->report, key, title);
    const struct {
        const char *key;
        const char *title;
        const char *value;
    } texts[] = {
        {"type", "type", type_name(info->type)},
        {"name", "name", info->name},
        {"product", "product", info->product},
        {"vendor", "vendor", info->vendor},
        {"uuid", "uuid", info->uuid},
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        report_field(section,
                     &(struct report_column){texts[i].key, texts[i].title, source, FORMAT_PLAIN},
                     report_text(texts[i].value));
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (numbers[i].value)
            report_field(section,
                         &(struct report_column){numbers[i].key, numbers[i].title, source,
                                                 numbers[i].format},
                         report_integer(numbers[i].value));
    free(key);
    free(title);
}

static void report_isas(const struct command_context *context) {
    const struct report_column columns[] = {
        {"agent", "agent", SOURCE_NONE, FORMAT_PLAIN},
        {"isa", "instruction set", device_source(context->device), FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(context->report, "isas", "instruction sets", columns, COUNT(columns));
    for (size_t i = 0; i < hsp_agent_count(); i++) {
        const struct hsp_agent *agent = hsp_agent_at(i);
        for (size_t j = 0; j < hsp_agent_isa_count(agent); j++)
            report_row(table, report_integer(i), report_text(hsp_agent_isa_name(agent, j)));
    }
}

static char *flags_text(uint32_t flags) {
    return xasprintf("%s%s%s", flags & HSP_POOL_FINE_GRAINED ? "fine " : "",
                     flags & HSP_POOL_COARSE_GRAINED ? "coarse " : "",
                     flags & HSP_POOL_KERNARG ? "kernarg" : "");
}

static void report_pools(const struct command_context *context) {
    static const char *const segments[] = {"global", "read-only", "private", "group"};
    enum report_source source = device_source(context->device);
    const struct report_column columns[] = {
        {"agent", "agent", SOURCE_NONE, FORMAT_PLAIN},
        {"segment", "segment", source, FORMAT_PLAIN},
        {"flags", "grain", source, FORMAT_PLAIN},
        {"size_bytes", "size", source, FORMAT_BYTES},
        {"granule_bytes", "granule", source, FORMAT_BYTES},
        {"alignment_bytes", "alignment", source, FORMAT_BYTES},
        {"accessible_by_all", "access by all", source, FORMAT_PLAIN},
    };
    struct report_section *table =
        report_table(context->report, "pools", "memory pools", columns, COUNT(columns));
    for (size_t i = 0; i < hsp_agent_count(); i++) {
        const struct hsp_agent *agent = hsp_agent_at(i);
        for (size_t j = 0; j < hsp_pool_count(agent); j++) {
            const struct hsp_pool_info *info = hsp_pool_info_get(hsp_pool_at(agent, j));
            char *flags = flags_text(info->flags);
            report_row(table, report_integer(i), report_text(segments[info->segment]),
                       report_text(flags), report_integer(info->size_bytes),
                       report_integer(info->granule_bytes), report_integer(info->alignment_bytes),
                       report_boolean(info->accessible_by_all));
            free(flags);
        }
    }
}

int cmd_info(struct command_context *context) {
    report_runtime(context->report);
    for (size_t i = 0; i < hsp_agent_count(); i++)
        report_agent(context, hsp_agent_at(i));
    report_isas(context);
    report_pools(context);
    return EXIT_OK;
}
