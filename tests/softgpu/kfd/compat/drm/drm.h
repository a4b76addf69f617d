/* SPDX-License-Identifier: MIT */
/// Debian 12's <linux/kfd_ioctl.h> includes <drm/drm.h>, which no package puts there.
#include <libdrm/drm.h>
