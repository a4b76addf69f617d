/* SPDX-License-Identifier: MIT */
/// Shared virtual memory: the application's own pages, reachable by the GPU at their address.
#ifndef SG_KFD_SVM_H
#define SG_KFD_SVM_H

#include "softgpu/kfd/kfd.h"

/// The SVM ioctl; `user` is the address of its argument.
int sg_svm_ioctl(struct sg_kfd *kfd, unsigned long cmd, uint64_t user);

#endif
