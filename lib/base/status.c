/* SPDX-License-Identifier: MIT */
#include "base/status.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct error_text {
    char error[HSP_ERROR_TEXT_BYTES];
    char hint[HSP_ERROR_TEXT_BYTES];
    char number[64];
};

// Allocated on demand: in static TLS it would take two kilobytes of every thread's stack.
static _Thread_local struct error_text *thread_text;
static pthread_key_t text_key;
static pthread_once_t text_key_once = PTHREAD_ONCE_INIT;

static void free_text(void *text) {
    free(text);
    thread_text = NULL;
}

static void make_text_key(void) {
    if (pthread_key_create(&text_key, free_text) != 0)
        abort();
}

static struct error_text *get_text(void) {
    if (thread_text)
        return thread_text;
    pthread_once(&text_key_once, make_text_key);
    struct error_text *text = calloc(1, sizeof(*text));
    if (!text || pthread_setspecific(text_key, text) != 0) {
        free(text);
        return NULL;
    }
    thread_text = text;
    return text;
}

static const char *const error_names[] = {
    [0] = "success",
    [HSP_STATUS_CODE(HSP_ERROR_INVALID_ARGUMENT)] = "invalid argument",
    [HSP_STATUS_CODE(HSP_ERROR_OUT_OF_MEMORY)] = "out of memory",
    [HSP_STATUS_CODE(HSP_ERROR_NOT_INITIALIZED)] = "the runtime is not initialised",
    [HSP_STATUS_CODE(HSP_ERROR_NO_RUNTIME)] = "no usable libhsa-runtime64",
    [HSP_STATUS_CODE(HSP_ERROR_NO_DEVICE)] = "no suitable device",
    [HSP_STATUS_CODE(HSP_ERROR_NOT_SUPPORTED)] = "not supported",
    [HSP_STATUS_CODE(HSP_ERROR_NOT_FOUND)] = "not found",
    [HSP_STATUS_CODE(HSP_ERROR_AMBIGUOUS)] = "ambiguous",
    [HSP_STATUS_CODE(HSP_ERROR_FORMAT)] = "malformed file",
    [HSP_STATUS_CODE(HSP_ERROR_ISA_MISMATCH)] = "code for another processor",
    [HSP_STATUS_CODE(HSP_ERROR_KERNEL_ARGUMENT)] = "wrong kernel argument",
    [HSP_STATUS_CODE(HSP_ERROR_GEOMETRY)] = "wrong grid or work-group size",
    [HSP_STATUS_CODE(HSP_ERROR_RESOURCE)] = "not enough device resources",
    [HSP_STATUS_CODE(HSP_ERROR_TIMEOUT)] = "timed out",
    [HSP_STATUS_CODE(HSP_ERROR_FULL)] = "no room",
    [HSP_STATUS_CODE(HSP_ERROR_QUEUE)] = "the queue is in the error state",
};

static const char *describe_own(uint32_t code) {
    return code < sizeof(error_names) / sizeof(error_names[0]) ? error_names[code] : NULL;
}

static const char *describe_errno(uint32_t code) {
    return strerrordesc_np((int)code);
}

static _Atomic(hsp_status_describer) describers[8] = {
    [HSP_DOMAIN_HSP] = describe_own,
    [HSP_DOMAIN_ERRNO] = describe_errno,
};
static const char *const domain_names[8] = {
    [0] = "unknown domain",       [HSP_DOMAIN_HSP] = "hsaprobe", [HSP_DOMAIN_HSA] = "HSA",
    [HSP_DOMAIN_ERRNO] = "errno", [HSP_DOMAIN_ELF] = "libelf",   [HSP_DOMAIN_COMGR] = "comgr",
};

void hsp_status_set_describer(enum hsp_domain domain, hsp_status_describer describer) {
    atomic_store(&describers[domain & 7], describer);
}

const char *hsp_status_string(hsp_status status) {
    if (status == HSP_OK)
        return error_names[0];
    const uint32_t domain = HSP_STATUS_DOMAIN(status);
    const uint32_t code = HSP_STATUS_CODE(status);
    hsp_status_describer describer = domain < 8 ? atomic_load(&describers[domain]) : NULL;
    const char *description = describer ? describer(code) : NULL;
    if (description)
        return description;
    struct error_text *text = get_text();
    if (!text)
        return "unknown error";
    const char *name = domain < 8 && domain_names[domain] ? domain_names[domain] : domain_names[0];
    snprintf(text->number, sizeof(text->number), "%s error 0x%x", name, code);
    return text->number;
}

const char *hsp_last_error(void) {
    return thread_text ? thread_text->error : "";
}

const char *hsp_last_hint(void) {
    return thread_text ? thread_text->hint : "";
}

// Formats apart from the destination: arguments may point into the text being replaced.
static void set_error(const char *suffix, const char *format, va_list arguments) {
    struct error_text *text = get_text();
    if (!text)
        return;
    char line[HSP_ERROR_TEXT_BYTES];
    const int length = vsnprintf(line, sizeof(line), format, arguments);
    const size_t used = length < 0 ? 0 : (size_t)length;
    if (suffix && used < sizeof(line))
        snprintf(line + used, sizeof(line) - used, ": %s", suffix);
    memcpy(text->error, line, sizeof(line));
    text->hint[0] = '\0';
}

hsp_status hsp_fail(hsp_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_error(NULL, format, arguments);
    va_end(arguments);
    return status;
}

hsp_status hsp_fail_errno(int error, const char *format, ...) {
    const char *description = strerrordesc_np(error);
    va_list arguments;
    va_start(arguments, format);
    set_error(description ? description : "unknown error", format, arguments);
    va_end(arguments);
    return HSP_STATUS(HSP_DOMAIN_ERRNO, error);
}

hsp_status hsp_fail_memory(const char *what) {
    return hsp_fail(HSP_ERROR_OUT_OF_MEMORY, "out of memory for %s", what);
}

hsp_status hsp_hint(hsp_status status, const char *format, ...) {
    struct error_text *text = get_text();
    if (!text)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text->hint, sizeof(text->hint), format, arguments);
    va_end(arguments);
    return status;
}
