# SPDX-License-Identifier: MIT
# The doorbells with the real packet processors; cp_harness has fake compute units.
foreach(noun IN ITEMS doorbell doorbell_store)
    hsp_unit_test(softgpu_kfd_${noun} SOURCES ${noun}_test.c doorbell_fixture.c USES sg_kfd cp_harness)
endforeach()
