/* SPDX-License-Identifier: MIT */
/* Numbers that families.S and the program share: macros, for an assembler reads them. */
#ifndef SOFTGPU_BENCH_FAMILIES_H
#define SOFTGPU_BENCH_FAMILIES_H

#define FAMILY_REPEATS   16 /* of a row's four instructions in the loop */
#define STRAIGHT_REPEATS 512
#define STRAIGHT_ROWS    8 /* instructions in the straight line's pattern */

#endif
