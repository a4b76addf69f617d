/* SPDX-License-Identifier: MIT */
/* Decodes the x86-64 instructions with which compilers store to a doorbell. */
#include "softgpu/kfd/doorbell_internal.h"

#include <string.h>
#include <ucontext.h>

/* Where the stored value comes from. */
enum source { FROM_REG, FROM_IMMEDIATE, FROM_XMM };
/* How many bytes: 1; 2, 4 or 8 by prefixes; 4 or 8 by REX.W; fixed. */
enum width { WIDTH_BYTE, WIDTH_OPERAND, WIDTH_DWORD_OR_QWORD, WIDTH_8, WIDTH_VECTOR };
enum map { MAP_ONE, MAP_0F };
enum { ANY_PREFIX = 0xff, NO_PREFIX = 0, ANY_EXTENSION = -1 };

/* One row per instruction: `prefix` is the mandatory one of the 0F map (66, F2, F3). */
static const struct row {
    uint8_t map;
    uint8_t opcode;
    uint8_t prefix;
    int8_t extension; /* ModRM.reg that belongs to the opcode */
    uint8_t source;
    uint8_t width;
    uint8_t kind;
} rows[] = {
    {MAP_ONE, 0x88, ANY_PREFIX, ANY_EXTENSION, FROM_REG, WIDTH_BYTE, STORE_PLAIN},
    {MAP_ONE, 0x89, ANY_PREFIX, ANY_EXTENSION, FROM_REG, WIDTH_OPERAND, STORE_PLAIN},
    {MAP_ONE, 0xc6, ANY_PREFIX, 0, FROM_IMMEDIATE, WIDTH_BYTE, STORE_PLAIN},
    {MAP_ONE, 0xc7, ANY_PREFIX, 0, FROM_IMMEDIATE, WIDTH_OPERAND, STORE_PLAIN},
    {MAP_ONE, 0x86, ANY_PREFIX, ANY_EXTENSION, FROM_REG, WIDTH_BYTE, STORE_EXCHANGE},
    {MAP_ONE, 0x87, ANY_PREFIX, ANY_EXTENSION, FROM_REG, WIDTH_OPERAND, STORE_EXCHANGE},
    {MAP_ONE, 0x01, ANY_PREFIX, ANY_EXTENSION, FROM_REG, WIDTH_OPERAND, STORE_ADD},
    {MAP_0F, 0xc1, ANY_PREFIX, ANY_EXTENSION, FROM_REG, WIDTH_OPERAND, STORE_EXCHANGE_ADD},
    {MAP_0F, 0xc3, NO_PREFIX, ANY_EXTENSION, FROM_REG, WIDTH_DWORD_OR_QWORD, STORE_PLAIN},
    {MAP_0F, 0x7e, 0x66, ANY_EXTENSION, FROM_XMM, WIDTH_DWORD_OR_QWORD, STORE_PLAIN},
    {MAP_0F, 0xd6, 0x66, ANY_EXTENSION, FROM_XMM, WIDTH_8, STORE_PLAIN},
    {MAP_0F, 0x13, NO_PREFIX, ANY_EXTENSION, FROM_XMM, WIDTH_8, STORE_PLAIN},
    {MAP_0F, 0x13, 0x66, ANY_EXTENSION, FROM_XMM, WIDTH_8, STORE_PLAIN},
    {MAP_0F, 0x11, 0xf2, ANY_EXTENSION, FROM_XMM, WIDTH_8, STORE_PLAIN},
    {MAP_0F, 0x11, NO_PREFIX, ANY_EXTENSION, FROM_XMM, WIDTH_VECTOR, STORE_PLAIN},
    {MAP_0F, 0x11, 0x66, ANY_EXTENSION, FROM_XMM, WIDTH_VECTOR, STORE_PLAIN},
    {MAP_0F, 0x29, NO_PREFIX, ANY_EXTENSION, FROM_XMM, WIDTH_VECTOR, STORE_PLAIN},
    {MAP_0F, 0x29, 0x66, ANY_EXTENSION, FROM_XMM, WIDTH_VECTOR, STORE_PLAIN},
    {MAP_0F, 0x2b, NO_PREFIX, ANY_EXTENSION, FROM_XMM, WIDTH_VECTOR, STORE_PLAIN},
    {MAP_0F, 0x7f, 0x66, ANY_EXTENSION, FROM_XMM, WIDTH_VECTOR, STORE_PLAIN},
    {MAP_0F, 0x7f, 0xf3, ANY_EXTENSION, FROM_XMM, WIDTH_VECTOR, STORE_PLAIN},
    {MAP_0F, 0xe7, 0x66, ANY_EXTENSION, FROM_XMM, WIDTH_VECTOR, STORE_PLAIN},
};

struct cursor {
    const uint8_t *code;
    uint32_t length;
    bool is_operand16;
    bool is_address32;
    uint8_t mandatory; /* the last of 66, F2, F3 */
    uint8_t rex;       /* W R X B in bits 3..0; `has_rex` */
    bool has_rex;
    bool is_vex;
    uint8_t vex_l;
    uint8_t map;
    uint8_t opcode;
    uint8_t modrm;
};

static uint8_t next(struct cursor *cursor) {
    return cursor->code[cursor->length++];
}

/// Two-byte (C5) and three-byte (C4) VEX prefixes of the 0F map.
static bool decode_vex(struct cursor *cursor, uint8_t first) {
    static const uint8_t mandatory[] = {NO_PREFIX, 0x66, 0xf3, 0xf2};
    enum { TWO_BYTES = 0xc5, MAP_0F_SELECT = 1, REX_R = 4, REX_W = 8 };
    uint8_t byte = next(cursor);
    cursor->rex = (uint8_t)(byte & 0x80 ? 0 : REX_R);
    if (first != TWO_BYTES) {
        cursor->rex = (uint8_t)(~byte >> 5 & 7);
        if ((byte & 0x1f) != MAP_0F_SELECT)
            return false;
        byte = next(cursor);
        cursor->rex = (uint8_t)(cursor->rex | (byte & 0x80 ? REX_W : 0));
    }
    cursor->is_vex = true;
    cursor->vex_l = byte >> 2 & 1;
    cursor->mandatory = mandatory[byte & 3];
    cursor->map = MAP_0F;
    return true;
}

static bool decode_prefixes_and_opcode(struct cursor *cursor) {
    enum { MAX_PREFIXES = 12 };
    uint8_t byte = 0;
    for (int i = 0; i < MAX_PREFIXES; i++) {
        byte = next(cursor);
        cursor->is_operand16 |= byte == 0x66;
        cursor->is_address32 |= byte == 0x67;
        if (byte == 0x66 && cursor->mandatory == NO_PREFIX)
            cursor->mandatory = byte;
        else if (byte == 0xf2 || byte == 0xf3)
            cursor->mandatory = byte;
        /* lock and segment overrides change nothing: the fault's address is known */
        else if (byte != 0x67 && byte != 0xf0 && byte != 0x2e && byte != 0x36 && byte != 0x3e &&
                 byte != 0x26 && byte != 0x64 && byte != 0x65 && byte != 0x66)
            break;
    }
    if ((byte & 0xf0) == 0x40) {
        cursor->has_rex = true;
        cursor->rex = byte & 0xf;
        byte = next(cursor);
    } else if (byte == 0xc4 || byte == 0xc5) {
        if (!decode_vex(cursor, byte))
            return false;
        cursor->opcode = next(cursor);
        return true;
    }
    if (byte == 0x0f) {
        cursor->map = MAP_0F;
        byte = next(cursor);
    }
    cursor->opcode = byte;
    return true;
}

/// ModRM, SIB and displacement of a memory operand. False for a register operand.
static bool skip_memory_operand(struct cursor *cursor) {
    cursor->modrm = next(cursor);
    const uint8_t mod = cursor->modrm >> 6;
    const uint8_t rm = cursor->modrm & 7;
    uint32_t displacement = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    if (mod == 3)
        return false;
    if (rm == 4) {
        const uint8_t base = next(cursor) & 7;
        if (mod == 0 && base == 5)
            displacement = 4;
    } else if (mod == 0 && rm == 5) {
        displacement = 4;
    }
    cursor->length += displacement;
    return true;
}

static const struct row *find_row(const struct cursor *cursor) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        if (row->map == cursor->map && row->opcode == cursor->opcode &&
            (row->prefix == ANY_PREFIX || row->prefix == cursor->mandatory) &&
            (row->extension == ANY_EXTENSION || row->extension == (cursor->modrm >> 3 & 7)) &&
            (!cursor->is_vex || row->source == FROM_XMM))
            return row;
    }
    return NULL;
}

static uint32_t width_bytes(const struct cursor *cursor, const struct row *row) {
    enum { REX_W = 8 };
    const bool is_wide = (cursor->rex & REX_W) != 0;
    switch (row->width) {
    case WIDTH_BYTE:
        return 1;
    case WIDTH_OPERAND:
        return is_wide ? 8 : cursor->is_operand16 ? 2 : 4;
    case WIDTH_DWORD_OR_QWORD:
        return is_wide ? 8 : 4;
    case WIDTH_8:
        return 8;
    default:
        return cursor->vex_l ? 32 : 16;
    }
}

static int greg_of(uint32_t reg) {
    static const int gregs[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};
    return gregs[reg];
}

static void fetch_register(const struct cursor *cursor, const ucontext_t *context, uint32_t reg,
                           struct doorbell_store *store) {
    /* Without REX, byte registers 4..7 are AH, CH, DH, BH. */
    store->is_high_byte = store->bytes == 1 && !cursor->has_rex && reg >= 4 && reg < 8;
    store->reg = greg_of(store->is_high_byte ? reg - 4 : reg);
    uint64_t value = (uint64_t)context->uc_mcontext.gregs[store->reg];
    if (store->is_high_byte)
        value >>= 8;
    memcpy(store->value, &value, sizeof value);
}

static void fetch_immediate(struct cursor *cursor, struct doorbell_store *store) {
    const uint32_t bytes = store->bytes < 4 ? store->bytes : 4;
    int64_t value;
    int32_t signed_value = 0;
    memcpy(&signed_value, cursor->code + cursor->length, bytes);
    value = signed_value;
    memcpy(store->value, &value, sizeof value);
    cursor->length += bytes;
}

/// The upper halves of 32-byte registers lie in the extended state, whose layout varies: those
/// stores are let through.
static bool fetch_xmm(const ucontext_t *context, uint32_t reg, struct doorbell_store *store) {
    const struct _libc_fpstate *state = context->uc_mcontext.fpregs;
    if (!state || store->bytes > sizeof state->_xmm[0])
        return false;
    memcpy(store->value, &state->_xmm[reg], store->bytes);
    return true;
}

bool doorbell_store_decode(const void *ucontext, struct doorbell_store *out_store) {
    enum { REX_R = 4 };
    const ucontext_t *context = ucontext;
    struct cursor cursor = {.code =
                                (const uint8_t *)(uintptr_t)context->uc_mcontext.gregs[REG_RIP]};
    if (!decode_prefixes_and_opcode(&cursor) || !skip_memory_operand(&cursor))
        return false;
    const struct row *row = find_row(&cursor);
    if (!row)
        return false;
    *out_store =
        (struct doorbell_store){.bytes = width_bytes(&cursor, row), .kind = row->kind, .reg = -1};
    const uint32_t reg = (cursor.modrm >> 3 & 7u) | (cursor.rex & REX_R ? 8u : 0u);
    if (row->source == FROM_REG)
        fetch_register(&cursor, context, reg, out_store);
    else if (row->source == FROM_IMMEDIATE)
        fetch_immediate(&cursor, out_store);
    else if (!fetch_xmm(context, reg, out_store))
        return false;
    out_store->length = cursor.length;
    return true;
}

void doorbell_store_skip(const struct doorbell_store *store, void *ucontext) {
    ucontext_t *context = ucontext;
    context->uc_mcontext.gregs[REG_RIP] += store->length;
}

/// Writes an instruction's result into its register as the processor would.
static void store_register(const struct doorbell_store *store, uint64_t value,
                           ucontext_t *context) {
    greg_t *reg = &context->uc_mcontext.gregs[store->reg];
    if (store->bytes == 8)
        *reg = (greg_t)value;
    else if (store->bytes == 4)
        *reg = (greg_t)(uint32_t)value;
    else
        memcpy((uint8_t *)reg + store->is_high_byte, &value, store->bytes);
}

/// One atomic step on 1, 2, 4 or 8 bytes. Returns the old value.
#define READ_MODIFY_WRITE(type)                                                                    \
    (store->kind == STORE_EXCHANGE                                                                 \
         ? __atomic_exchange_n((type *)target, (type)value, __ATOMIC_SEQ_CST)                      \
         : __atomic_fetch_add((type *)target, (type)value, __ATOMIC_SEQ_CST))

void doorbell_store_perform(const struct doorbell_store *store, void *target, void *ucontext) {
    uint64_t value, old;
    memcpy(&value, store->value, sizeof value);
    doorbell_store_skip(store, ucontext);
    if (store->kind == STORE_PLAIN) {
        /* A doorbell is observed as a whole. */
        if (store->bytes == 8 && (uintptr_t)target % 8 == 0)
            __atomic_store_n((uint64_t *)target, value, __ATOMIC_RELEASE);
        else if (store->bytes == 4 && (uintptr_t)target % 4 == 0)
            __atomic_store_n((uint32_t *)target, (uint32_t)value, __ATOMIC_RELEASE);
        else
            memcpy(target, store->value, store->bytes);
        return;
    }
    old = store->bytes == 8   ? READ_MODIFY_WRITE(uint64_t)
          : store->bytes == 4 ? READ_MODIFY_WRITE(uint32_t)
          : store->bytes == 2 ? READ_MODIFY_WRITE(uint16_t)
                              : READ_MODIFY_WRITE(uint8_t);
    if (store->kind != STORE_ADD)
        store_register(store, old, ucontext);
}
