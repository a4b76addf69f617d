# SPDX-License-Identifier: MIT
# Signals: one process per case; signal.c stands before libc's functions as when it is preloaded.
add_executable(softgpu_shim_signal signal_test.c ../kfd/doorbell_fixture.c
               ${PROJECT_SOURCE_DIR}/lib/softgpu/shim/signal.c)
target_link_libraries(softgpu_shim_signal PRIVATE hsp_flags sg_kfd cp_harness PkgConfig::cmocka)
file(STRINGS signal_test.c cases REGEX "^    CASE\\(")
list(TRANSFORM cases REPLACE "^    CASE\\(([a-z_]+)\\).*" "\\1")
foreach(case IN LISTS cases)
    add_test(NAME softgpu_shim_signal.${case} COMMAND softgpu_shim_signal ${case})
    set_tests_properties(softgpu_shim_signal.${case} PROPERTIES TIMEOUT 60 LABELS unit
        # AddressSanitizer's own handler would stand where the default action is expected.
        ENVIRONMENT ASAN_OPTIONS=handle_segv=0:handle_sigbus=0)
endforeach()
