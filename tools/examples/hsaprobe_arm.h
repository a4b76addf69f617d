/* SPDX-License-Identifier: MIT */
/// An arm of `hsaprobe layers` in a program of its own: a launch of whatever the program launches
/// with, measured beside hsaprobe's own arms.
///
///     hsaprobe layers --arm hip,mine=./my_arm
///
/// The program includes this header, fills in a struct hsaprobe_arm and calls hsaprobe_arm_main.
/// Nothing else is needed; C11 or C++11, POSIX.
///
/// The protocol, for other languages: lines of JSON, questions on standard input, one answer to
/// each on standard output; standard error is the program's own. Times are nanoseconds of the
/// program's own clock. Questions, in this order:
///
///     {"op":"open","protocol":1,"workload":"empty","grid":[64,1,1],"workgroup":[64,1,1]}
///     {"ok":true}
///         What hsaprobe's arms launch: the program does as much of the like as it can.
///     {"op":"run","count":3}
///     {"launches":3,"kernels":3}
///         Makes 3 launches and waits. "kernels" is optional: how many the device counted, which
///         hsaprobe compares with "launches".
///     {"op":"round","settle":4,"burst":8,"batch":32,"sizes":6}
///     {"submit":[...],"round_trip":[...],"back_to_back":[...],"slope":[...]}
///         Makes 4 launches with a wait each, untimed; then 8, each timed until the launch returns
///         and until the wait returns (8 numbers in both lists); then 32 launches and one wait,
///         its time divided by 32 (one number; none where "batch" is 0); then 1, 2, 4, ... 32
///         launches with a wait after each batch: the time of the launches alone (6 numbers, in
///         all, not divided; none where "sizes" is 0).
///     {"op":"close"}
///     {"ok":true}
///
/// Instead of any answer: {"error":"why"}. The end of the input means close as well.
#ifndef HSAPROBE_ARM_H
#define HSAPROBE_ARM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HSAPROBE_ARM_PROTOCOL  1
#define HSAPROBE_ARM_BURST_MAX 4096

/// What is launched.
struct hsaprobe_arm_case {
    char workload[128];
    uint32_t grid[3];      ///< work-items
    uint32_t workgroup[3]; ///< work-items
};

/// What the program provides. All functions return NULL, or why they failed; `close` may be NULL.
struct hsaprobe_arm {
    const char *(*open)(void *state, const struct hsaprobe_arm_case *launch);
    const char *(*launch)(void *state); ///< doesn't wait
    const char *(*wait)(void *state);   ///< until everything that was launched is done
    /// Kernels that the device counted so far; NULL: it doesn't count.
    const char *(*count)(void *state, uint64_t *out_kernels);
    void (*close)(void *state);
    void *state;
};

static inline uint64_t hsaprobe_arm_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/// Value of a number in a question; 0 when it isn't there.
static inline uint32_t hsaprobe_arm_number(const char *line, const char *key) {
    const char *at = strstr(line, key);
    return at ? (uint32_t)strtoul(at + strlen(key), NULL, 10) : 0;
}

/// Three numbers: "grid":[64,1,1].
static inline void hsaprobe_arm_numbers(const char *line, const char *key, uint32_t *out_numbers) {
    const char *at = strstr(line, key);
    char *end = (char *)(at ? at + strlen(key) : "");
    for (int i = 0; i < 3; i++) {
        out_numbers[i] = (uint32_t)strtoul(end, &end, 10);
        end += *end == ',';
    }
}

static inline const char *hsaprobe_arm_open(const struct hsaprobe_arm *arm, const char *line) {
    struct hsaprobe_arm_case launch;
    memset(&launch, 0, sizeof launch);
    if (hsaprobe_arm_number(line, "\"protocol\":") != HSAPROBE_ARM_PROTOCOL)
        return "another version of the protocol";
    const char *name = strstr(line, "\"workload\":\"");
    if (name) {
        name += strlen("\"workload\":\"");
        size_t length = strcspn(name, "\"");
        if (length >= sizeof launch.workload)
            length = sizeof launch.workload - 1;
        memcpy(launch.workload, name, length);
    }
    hsaprobe_arm_numbers(line, "\"grid\":[", launch.grid);
    hsaprobe_arm_numbers(line, "\"workgroup\":[", launch.workgroup);
    const char *why = arm->open(arm->state, &launch);
    if (!why)
        printf("{\"ok\":true}\n");
    return why;
}

/// `count` launches; the time until the last one returned in *out_ns.
static inline const char *hsaprobe_arm_batch(const struct hsaprobe_arm *arm, uint32_t count,
                                             uint64_t *out_ns) {
    const char *why = NULL;
    uint64_t start_ns = hsaprobe_arm_now_ns();
    for (uint32_t i = 0; i < count && !why; i++)
        why = arm->launch(arm->state);
    *out_ns = hsaprobe_arm_now_ns() - start_ns;
    return why ? why : arm->wait(arm->state);
}

static inline const char *hsaprobe_arm_run(const struct hsaprobe_arm *arm, const char *line) {
    uint32_t count = hsaprobe_arm_number(line, "\"count\":");
    uint64_t before = 0;
    uint64_t after = 0;
    uint64_t unused_ns;
    const char *why = arm->count ? arm->count(arm->state, &before) : NULL;
    if (!why)
        why = hsaprobe_arm_batch(arm, count, &unused_ns);
    if (!why && arm->count)
        why = arm->count(arm->state, &after);
    if (why)
        return why;
    if (arm->count)
        printf("{\"launches\":%u,\"kernels\":%llu}\n", count, (unsigned long long)(after - before));
    else
        printf("{\"launches\":%u}\n", count);
    return NULL;
}

static inline void hsaprobe_arm_print(const char *key, const double *values, uint32_t count) {
    printf("\"%s\":[", key);
    for (uint32_t i = 0; i < count; i++)
        printf("%s%.3f", i ? "," : "", values[i]);
    printf("]");
}

static inline const char *hsaprobe_arm_burst(const struct hsaprobe_arm *arm, uint32_t settle,
                                             uint32_t burst, double *submit, double *round_trip) {
    const char *why = NULL;
    for (uint32_t i = 0; i < settle + burst && !why; i++) {
        uint64_t start_ns = hsaprobe_arm_now_ns();
        why = arm->launch(arm->state);
        uint64_t launched_ns = hsaprobe_arm_now_ns();
        if (!why)
            why = arm->wait(arm->state);
        uint64_t end_ns = hsaprobe_arm_now_ns();
        if (i >= settle) {
            submit[i - settle] = (double)(launched_ns - start_ns);
            round_trip[i - settle] = (double)(end_ns - start_ns);
        }
    }
    return why;
}

static inline const char *hsaprobe_arm_round(const struct hsaprobe_arm *arm, const char *line) {
    static double submit[HSAPROBE_ARM_BURST_MAX];
    static double round_trip[HSAPROBE_ARM_BURST_MAX];
    double slope[32];
    double back_to_back = 0;
    uint64_t unused_ns;
    uint32_t burst = hsaprobe_arm_number(line, "\"burst\":");
    uint32_t batch = hsaprobe_arm_number(line, "\"batch\":");
    uint32_t sizes = hsaprobe_arm_number(line, "\"sizes\":");
    if (burst > HSAPROBE_ARM_BURST_MAX || sizes > 32)
        return "too long a burst";
    const char *why = hsaprobe_arm_burst(arm, hsaprobe_arm_number(line, "\"settle\":"), burst,
                                         submit, round_trip);
    uint64_t start_ns = hsaprobe_arm_now_ns();
    if (!why && batch)
        why = hsaprobe_arm_batch(arm, batch, &unused_ns);
    if (batch)
        back_to_back = (double)(hsaprobe_arm_now_ns() - start_ns) / batch;
    for (uint32_t i = 0; i < sizes && !why; i++) {
        uint64_t batch_ns = 0;
        why = hsaprobe_arm_batch(arm, 1u << i, &batch_ns);
        slope[i] = (double)batch_ns;
    }
    if (why)
        return why;
    printf("{");
    hsaprobe_arm_print("submit", submit, burst);
    printf(",");
    hsaprobe_arm_print("round_trip", round_trip, burst);
    printf(",");
    hsaprobe_arm_print("back_to_back", &back_to_back, batch != 0);
    printf(",");
    hsaprobe_arm_print("slope", slope, sizes);
    printf("}\n");
    return NULL;
}

/// Answers until the end. Returns what main returns.
static inline int hsaprobe_arm_main(const struct hsaprobe_arm *arm) {
    char line[1024];
    int is_open = 0;
    int code = 0;
    while (fgets(line, sizeof line, stdin)) {
        const char *why = NULL;
        if (strstr(line, "\"op\":\"close\""))
            break;
        if (strstr(line, "\"op\":\"open\""))
            is_open = !(why = hsaprobe_arm_open(arm, line));
        else if (!is_open)
            why = "not open";
        else if (strstr(line, "\"op\":\"run\""))
            why = hsaprobe_arm_run(arm, line);
        else if (strstr(line, "\"op\":\"round\""))
            why = hsaprobe_arm_round(arm, line);
        else
            why = "unknown op";
        if (why) {
            printf("{\"error\":\"%s\"}\n", why);
            code = 1;
        }
        fflush(stdout);
    }
    if (is_open && arm->close)
        arm->close(arm->state);
    printf("{\"ok\":true}\n");
    return fflush(stdout) ? 1 : code;
}

#endif
