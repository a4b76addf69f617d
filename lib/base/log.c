/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static hsp_log_function sink_function;
static void *sink_data;
static atomic_int current_level = -1; // -1: the environment hasn't been read

static const char *const level_names[] = {"none", "error", "warn", "info", "debug"};

static enum hsp_log_level level_from_environment(void) {
    const char *value = getenv("HSAPROBE_LOG");
    if (!value)
        return HSP_LOG_WARN;
    for (int level = HSP_LOG_NONE; level <= HSP_LOG_DEBUG; level++) {
        const bool is_digit = value[0] == '0' + level && value[1] == '\0';
        if (is_digit || strcmp(value, level_names[level]) == 0)
            return (enum hsp_log_level)level;
    }
    return HSP_LOG_WARN;
}

bool hsp_log_on(enum hsp_log_level level) {
    int limit = atomic_load_explicit(&current_level, memory_order_relaxed);
    if (limit < 0) {
        int unread = -1;
        limit = (int)level_from_environment();
        if (!atomic_compare_exchange_strong(&current_level, &unread, limit))
            limit = unread;
    }
    return (int)level <= limit;
}

void hsp_log_set(hsp_log_function function, void *data) {
    pthread_mutex_lock(&sink_lock);
    sink_function = function;
    sink_data = data;
    pthread_mutex_unlock(&sink_lock);
}

void hsp_log_set_level(enum hsp_log_level level) {
    atomic_store(&current_level, (int)level);
}

void hsp_log(enum hsp_log_level level, const char *format, ...) {
    if (!hsp_log_on(level))
        return;
    char line[HSP_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&sink_lock);
    if (sink_function)
        sink_function(level, line, sink_data);
    else
        fprintf(stderr, "hsaprobe: %s\n", line);
    pthread_mutex_unlock(&sink_lock);
}
