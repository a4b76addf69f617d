/* SPDX-License-Identifier: MIT */
/// An opcode that isn't there stops its queue with an error, is never skipped, and a line on stderr
/// names it with the kernel and the offset. Other queues go on.
#include "e2e.h"

#include <string.h>

static volatile hsa_status_t queue_error;

static void on_error(hsa_status_t status, hsa_queue_t *queue, void *data) {
    (void)queue;
    (void)data;
    queue_error = status;
}

static int child(void) {
    struct e2e e2e;
    struct e2e_kernel kernel;
    hsa_queue_t *queue;
    e2e_open(&e2e);
    e2e_kernel(&e2e, "no_such_instruction", &kernel);
    HSA(hsa_queue_create(e2e.gpu, 64, HSA_QUEUE_TYPE_MULTI, on_error, NULL, UINT32_MAX, UINT32_MAX,
                         &queue));
    uint32_t *out = e2e_alloc(&e2e, e2e.host, 4096);
    uint32_t **args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    const hsa_signal_t done = e2e_signal(1);
    *args = out;
    e2e_dispatch(queue, &kernel, 1, 1, args, done);
    const double end = e2e_seconds() + 10;
    while (queue_error == HSA_STATUS_SUCCESS && e2e_seconds() < end) {
    }
    CHECK((int)queue_error == (int)HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION, "queue error 0x%x",
          (unsigned)queue_error);
    CHECK(*out == 1, "the store before and not the one after: %u", *out);
    CHECK(hsa_signal_load_scacquire(done) == 1, "completed all the same");
    HSA(hsa_queue_destroy(queue));
    queue = e2e_queue(&e2e, 64);
    e2e_vector_add(&e2e, queue, 1000);
    HSA(hsa_queue_destroy(queue));
    e2e_close();
    return 0;
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        return child();
    }
    struct e2e_child result;
    e2e_child("child", 40, NULL, NULL, &result);
    CHECK(result.status == 0, "status 0x%x: %s", (unsigned)result.status, result.output);
    CHECK(strstr(result.output, "gfx90a: "), "%s", result.output);
    CHECK(strstr(result.output, "VOP1"), "%s", result.output);
    CHECK(strstr(result.output, "illegal instruction"), "%s", result.output);
    CHECK(strstr(result.output, "7e01fe00"), "%s", result.output);
    CHECK(strstr(result.output, "no_such_instruction+0x"), "%s", result.output);
    return 0;
}
