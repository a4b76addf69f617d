/* SPDX-License-Identifier: MIT */
#include "softgpu/isa/hwreg.h"

#include "softgpu/isa/cache.h"

enum hwreg_id {
    MODE = 1,
    STATUS = 2,
    TRAPSTS = 3,
    HW_ID = 4,
    GPR_ALLOC = 5,
    LDS_ALLOC = 6,
    IB_STS = 7,
    SH_MEM_BASES = 15,
    TBA_LO = 16,
    TBA_HI = 17,
    TMA_LO = 18,
    TMA_HI = 19,
};

const char *sg_hwreg_name(uint32_t id) {
    static const char *const names[] = {
        [MODE] = "HW_REG_MODE",           [STATUS] = "HW_REG_STATUS",
        [TRAPSTS] = "HW_REG_TRAPSTS",     [HW_ID] = "HW_REG_HW_ID",
        [GPR_ALLOC] = "HW_REG_GPR_ALLOC", [LDS_ALLOC] = "HW_REG_LDS_ALLOC",
        [IB_STS] = "HW_REG_IB_STS",       [SH_MEM_BASES] = "HW_REG_SH_MEM_BASES",
        [TBA_LO] = "HW_REG_TBA_LO",       [TBA_HI] = "HW_REG_TBA_HI",
        [TMA_LO] = "HW_REG_TMA_LO",       [TMA_HI] = "HW_REG_TMA_HI",
    };
    return id < sizeof names / sizeof *names ? names[id] : NULL;
}

static uint32_t status(const struct sg_wave *w) {
    enum { SCC_BIT = 0, EXECZ_BIT = 9, VCCZ_BIT = 10, VALID_BIT = 16 };
    return w->status | w->s[SG_SCC] << SCC_BIT | (uint32_t)(sg_wave_exec(w) == 0) << EXECZ_BIT |
           (uint32_t)(sg_wave_vcc(w) == 0) << VCCZ_BIT | 1u << VALID_BIT;
}

static uint32_t hwreg_word(const struct sg_wave *w, uint32_t id) {
    switch (id) {
    case MODE:
        return w->mode;
    case STATUS:
        return status(w);
    case TRAPSTS:
        return w->trapsts;
    case HW_ID:
        return w->hw_id;
    case GPR_ALLOC: // VGPR_SIZE 13:8 in granules of 8, SGPR_SIZE 27:24 in granules of 16, minus 1
        return (w->v_rows ? (w->v_rows + 7) / 8 - 1 : 0) << 8 | 6u << 24;
    case LDS_ALLOC: // LDS_SIZE 20:12 in granules of 128 dwords
        return (w->lds_bytes + 511) / 512 << 12;
    case SH_MEM_BASES:
        return w->env->private_aperture_hi >> 16 | (w->env->shared_aperture_hi & 0xffff0000);
    default:
        return 0;
    }
}

uint32_t sg_hwreg_get(const struct sg_wave *w, uint32_t hwreg) {
    uint32_t width = (hwreg >> 11) + 1;
    uint32_t word = hwreg_word(w, hwreg & 63) >> (hwreg >> 6 & 31);
    return width == 32 ? word : word & ((1u << width) - 1);
}

void sg_hwreg_set(struct sg_wave *w, uint32_t hwreg, uint32_t value) {
    uint32_t width = (hwreg >> 11) + 1;
    uint32_t first = hwreg >> 6 & 31;
    uint32_t mask = (width == 32 ? ~0u : (1u << width) - 1) << first;
    uint32_t id = hwreg & 63;
    uint32_t word = (hwreg_word(w, id) & ~mask) | (value << first & mask);
    if (id == MODE)
        sg_wave_set_mode(w, word);
    else if (id == TRAPSTS)
        w->trapsts = word;
}
