/* SPDX-License-Identifier: MIT */
/* Events of the system management interface, and the descriptors that the driver keeps. */
#include "harness.h"

#include "softgpu/kfd/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int listen_to(struct harness *harness, uint64_t mask) {
    struct abi_kfd_smi_events args = {.gpuid = SG_GPU_ID};
    assert_int_equal(IOCTL(harness, ABI_KFD_SMI_EVENTS, &args), 0);
    if (mask)
        assert_int_equal(write((int)args.anon_fd, &mask, sizeof mask), sizeof mask);
    return (int)args.anon_fd;
}

static void fault(struct harness *harness) {
    const struct sg_fault fault = {.cause = SG_FAULT_MEMORY_UNMAPPED, .va = 0x5000};
    sg_kfd_memory_fault(sg_kfd_gpu(harness->kfd, 0), &fault);
}

static bool is_readable(int fd) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLIN;
}

static void a_fault_is_told_to_those_who_asked(void **state) {
    struct harness *harness = *state;
    const int deaf = listen_to(harness, 0);
    const int other = listen_to(harness, ABI_KFD_SMI_MASK(ABI_KFD_SMI_UNMAP_FROM_GPU));
    const int client = listen_to(harness, ABI_KFD_SMI_MASK(ABI_KFD_SMI_VMFAULT));
    char line[64] = "";
    char expected[32];
    assert_int_equal(read(client, line, sizeof line), -1);
    assert_int_equal(errno, EAGAIN);
    fault(harness);
    assert_false(is_readable(deaf));
    assert_false(is_readable(other));
    assert_true(is_readable(client));
    assert_true(read(client, line, sizeof line - 1) > 0);
    snprintf(expected, sizeof expected, "1 %x:", (unsigned)getpid());
    assert_memory_equal(line, expected, strlen(expected));
    assert_int_equal(line[strlen(line) - 1], '\n');
    /* The mask can be changed at any time. */
    const uint64_t none = 0;
    assert_int_equal(write(client, &none, sizeof none), sizeof none);
    fault(harness);
    assert_false(is_readable(client));
    close(deaf);
    close(other);
    close(client);
    fault(harness);
}

static void places_of_those_who_left_are_used_again(void **state) {
    struct harness *harness = *state;
    int clients[32];
    struct abi_kfd_smi_events args = {.gpuid = SG_GPU_ID};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 32; i++)
            clients[i] = listen_to(harness, 1);
        assert_int_equal(IOCTL(harness, ABI_KFD_SMI_EVENTS, &args), -ENOSPC);
        for (int i = 0; i < 32; i++)
            close(clients[i]);
    }
}

static void only_a_gpu_has_events(void **state) {
    struct abi_kfd_smi_events args = {.gpuid = SG_GPU_ID + 1};
    assert_int_equal(IOCTL((struct harness *)*state, ABI_KFD_SMI_EVENTS, &args), -EINVAL);
}

static void a_kept_descriptor_makes_room(void **state) {
    (void)state;
    int ends[2];
    char byte = 7;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const int slot = sg_fd_keep(ends[0]);
    const int fd = sg_fd_of(slot);
    assert_true(fd >= 64 && fd != ends[0]);
    assert_int_equal(fcntl(ends[0], F_GETFD), -1);
    assert_int_equal(sg_fd_next(fd), fd);
    assert_int_equal(sg_fd_next(fd + 1), -1);
    assert_true(sg_fd_vacate(fd));
    assert_int_not_equal(sg_fd_of(slot), fd);
    assert_int_equal(write(ends[1], &byte, 1), 1);
    byte = 0;
    assert_int_equal(read(sg_fd_of(slot), &byte, 1), 1);
    assert_int_equal(byte, 7);
    sg_fd_drop(slot);
    assert_int_equal(sg_fd_next(0), -1);
    close(fd);
    close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_fault_is_told_to_those_who_asked),
        TEST(places_of_those_who_left_are_used_again),
        TEST(only_a_gpu_has_events),
        cmocka_unit_test(a_kept_descriptor_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
