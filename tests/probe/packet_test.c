/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <hsaprobe/dispatch.h>

static void header_has_the_bits_of_the_specification(void **state) {
    (void)state;
    assert_int_equal(hsp_packet_header(HSA_PACKET_TYPE_KERNEL_DISPATCH, false, HSA_FENCE_SCOPE_NONE,
                                       HSA_FENCE_SCOPE_NONE),
                     0x0002);
    assert_int_equal(hsp_packet_header(HSA_PACKET_TYPE_BARRIER_AND, true, HSA_FENCE_SCOPE_SYSTEM,
                                       HSA_FENCE_SCOPE_SYSTEM),
                     0x1503);
    assert_int_equal(hsp_packet_header(HSA_PACKET_TYPE_KERNEL_DISPATCH, false,
                                       HSA_FENCE_SCOPE_SYSTEM, HSA_FENCE_SCOPE_AGENT),
                     0x0c02);
}

static void each_packet_type_is_spelled_out(void **state) {
    (void)state;
    char text[512];
    union hsp_packet packet;
    memset(&packet, 0, sizeof(packet));
    packet.dispatch.header = 0x1502;
    packet.dispatch.setup = 1;
    packet.dispatch.grid_size_x = 256;
    packet.dispatch.grid_size_y = packet.dispatch.grid_size_z = 1;
    packet.dispatch.workgroup_size_x = 64;
    packet.dispatch.workgroup_size_y = packet.dispatch.workgroup_size_z = 1;
    packet.dispatch.kernel_object = 0xabc0;
    packet.dispatch.kernarg_address = (void *)0x2000;
    const int length = hsp_packet_describe(&packet, text, sizeof(text));
    assert_string_equal(text, "kernel_dispatch barrier=1 acquire=system release=system "
                              "dimensions=1 grid=256,1,1 workgroup=64,1,1 private=0 group=0 "
                              "kernel=0xabc0 kernarg=0x2000 completion=0x0");
    assert_int_equal(length, strlen(text));

    memset(&packet, 0, sizeof(packet));
    packet.barrier_and.header = 3;
    packet.barrier_and.dep_signal[1].handle = 0x10;
    packet.barrier_and.dep_signal[4].handle = 0x20;
    hsp_packet_describe(&packet, text, sizeof(text));
    assert_string_equal(text, "barrier_and barrier=0 acquire=none release=none "
                              "dependencies=0x10,0x20 completion=0x0");

    memset(&packet, 0, sizeof(packet));
    packet.barrier_value.header.AmdFormat = 2;
    packet.barrier_value.signal.handle = 0x30;
    packet.barrier_value.value = -4;
    packet.barrier_value.mask = 0xff;
    packet.barrier_value.cond = HSA_SIGNAL_CONDITION_GTE;
    hsp_packet_describe(&packet, text, sizeof(text));
    assert_string_equal(text, "vendor barrier=0 acquire=none release=none format=barrier_value "
                              "signal=0x30 mask=0xff condition=>= value=-4 completion=0x0");

    memset(&packet, 0, sizeof(packet));
    packet.words[0] = 0x77;
    hsp_packet_describe(&packet, text, sizeof(text));
    assert_ptr_equal(strstr(text, "type 119 words=00000077 00000000"), text);
}

static void text_that_is_too_long_is_cut_and_measured(void **state) {
    (void)state;
    union hsp_packet packet;
    memset(&packet, 0, sizeof(packet));
    packet.words[0] = 2;
    char whole[512], part[20];
    const int length = hsp_packet_describe(&packet, whole, sizeof(whole));
    memset(part, 'x', sizeof(part));
    assert_int_equal(hsp_packet_describe(&packet, part, sizeof(part) - 4), length);
    assert_int_equal(strlen(part), sizeof(part) - 5);
    assert_memory_equal(part, whole, sizeof(part) - 5);
    assert_memory_equal(part + sizeof(part) - 4, "xxxx", 4);
    assert_int_equal(hsp_packet_describe(&packet, NULL, 0), length);
}

static void barriers_are_filled_but_for_the_header(void **state) {
    (void)state;
    union hsp_packet packet;
    struct hsp_barrier barrier;
    uint16_t header = 0, setup = 0;
    hsp_barrier_init(&barrier, HSP_BARRIER_OR);
    barrier.dependencies[4].handle = 0x40;
    barrier.completion.handle = 0x50;
    memset(&packet, 0xcc, sizeof(packet));
    hsp_barrier_fill(&barrier, &packet, &header, &setup);
    assert_int_equal(packet.words[0], 0xcccccccc);
    assert_int_equal(header, 0x1505);
    assert_int_equal(setup, 0);
    assert_int_equal(packet.barrier_or.dep_signal[0].handle, 0);
    assert_int_equal(packet.barrier_or.dep_signal[4].handle, 0x40);
    assert_int_equal(packet.barrier_or.completion_signal.handle, 0x50);

    hsp_barrier_init(&barrier, HSP_BARRIER_VALUE);
    barrier.signal.handle = 0x60;
    barrier.condition = HSP_CONDITION_GTE;
    barrier.value = -3;
    barrier.barrier = false;
    memset(&packet, 0xcc, sizeof(packet));
    hsp_barrier_fill(&barrier, &packet, &header, &setup);
    assert_int_equal(packet.words[0], 0xcccccccc);
    assert_int_equal(header, 0x1400);
    assert_int_equal(setup, 2); // AMD's packet format
    assert_int_equal(packet.barrier_value.signal.handle, 0x60);
    assert_int_equal(packet.barrier_value.value, -3);
    assert_int_equal(packet.barrier_value.mask, -1);
    assert_int_equal(packet.barrier_value.cond, 3);
    assert_int_equal(packet.barrier_value.completion_signal.handle, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_has_the_bits_of_the_specification),
        cmocka_unit_test(each_packet_type_is_spelled_out),
        cmocka_unit_test(barriers_are_filled_but_for_the_header),
        cmocka_unit_test(text_that_is_too_long_is_cut_and_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
