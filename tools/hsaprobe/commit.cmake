# SPDX-License-Identifier: MIT
cmake_minimum_required(VERSION 3.25)
# cmake -D SOURCE=... -D HEADER=... -P commit.cmake: writes the commit into the header, which keeps
# its date when nothing changed.
set(commit unknown)
find_program(git NAMES git)
if(git)
    execute_process(COMMAND ${git} -C ${SOURCE} rev-parse --short=12 HEAD
                    OUTPUT_VARIABLE head OUTPUT_STRIP_TRAILING_WHITESPACE
                    RESULT_VARIABLE failed ERROR_QUIET)
    if(NOT failed)
        set(commit ${head})
        execute_process(COMMAND ${git} -C ${SOURCE} status --porcelain --untracked-files=no
                        OUTPUT_VARIABLE changes ERROR_QUIET)
        if(changes)
            string(APPEND commit "+")
        endif()
    endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} @ONLY
     CONTENT "/* made by commit.cmake */\n#define HSP_COMMIT \"@commit@\"\n")
