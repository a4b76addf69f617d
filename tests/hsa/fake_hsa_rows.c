/* SPDX-License-Identifier: MIT */
// The functions of a fake, one for each row of hsa_api.def. Weak: fake_hsa.c has a few better ones.
//
// FAKE_HAS_REQUIRED, _OPTIONAL, _LATER: which rows are exported (1) or not (0).
#include <stdbool.h>
#include <stdint.h>

#include <hsa/hsa.h>
#include <hsa/hsa_ext_amd.h>
#include <hsa/hsa_ext_finalize.h>
#include <hsa/hsa_ext_image.h>
#include <hsa/hsa_ven_amd_loader.h>

#include "fake_hsa.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#define FAKE_HAS_EXTENSION 0
#define DEFINE_0(type, name, parameters, result)
#define DEFINE_1(type, name, parameters, result)                                                   \
    FAKE_EXPORT __attribute__((weak)) type name parameters {                                       \
        fake_spend();                                                                              \
        return result;                                                                             \
    }
#define DEFINE__(has, ...) DEFINE_##has(__VA_ARGS__)
#define DEFINE_(has, ...)  DEFINE__(has, __VA_ARGS__)
#define HSA_STATUS(group, need, name, parameters, arguments)                                       \
    DEFINE_(FAKE_HAS_##need, hsa_status_t, name, parameters, HSA_STATUS_SUCCESS)
#define HSA_VALUE(group, need, type, name, parameters, arguments)                                  \
    DEFINE_(FAKE_HAS_##need, type, name, parameters, 0)
#define HSA_VOID(group, need, name, parameters, arguments)                                         \
    DEFINE_(FAKE_HAS_##need, void, name, parameters, )
#include "hsa/hsa_api.def"
