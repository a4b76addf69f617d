/* SPDX-License-Identifier: MIT */
/* Expands a .def file to its row array and opcode look-up. No include guard: include it once per
 * table with
 *   SG_DEF    the .def file's name,
 *   SG_FIND   the look-up function's name,
 *   and the row kinds defined as SG_ROW(name, opcode, handler, flags, dst, src0, src1, src2). */
#define SG_ROW(name, opc, fn, flags, tD, t0, t1, t2) ROW_##name,
enum {
#include SG_DEF
};
#undef SG_ROW
#define SG_ROW(name, opc, fn, flags, tD, t0, t1, t2)                                               \
    [ROW_##name] = {#name, fn, opc, flags, {SG_T_##tD, SG_T_##t0, SG_T_##t1, SG_T_##t2}, 0},
static struct sg_row SG_PASTE(SG_FIND, rows)[] = {
#include SG_DEF
};
#undef SG_ROW
#define SG_ROW(name, opc, fn, flags, tD, t0, t1, t2)                                               \
    case opc:                                                                                      \
        return &SG_PASTE(SG_FIND, rows)[ROW_##name];
/* A duplicate opcode is a compile error here. */
struct sg_row *SG_V(SG_FIND)(uint32_t opcode) {
    switch (opcode) {
#include SG_DEF
    default:
        return NULL;
    }
}
#undef SG_ROW
#undef SG_DEF
#undef SG_FIND
