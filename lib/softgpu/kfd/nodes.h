/* SPDX-License-Identifier: MIT */
/// Emits entries of the generated tree, by kind. After an entry was refused none follows.
#ifndef SG_KFD_NODES_H
#define SG_KFD_NODES_H

#include "softgpu/kfd/topology.h"

/// Where entries go; `ok` is true in the beginning, and false once `emit` was.
struct sg_nodes {
    sg_topology_emit emit;
    void *context;
    bool ok;
};

/// A file with formatted contents, below 2 KiB.
void sg_nodes_file(struct sg_nodes *nodes, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/// A file of the host, if it has one, with `more` behind.
void sg_nodes_host_file(struct sg_nodes *nodes, const char *path, const char *more);
/// A file that says a number of this moment, of a GPU (sg_kfd_live).
void sg_nodes_live_file(struct sg_nodes *nodes, const char *path, enum sg_live live,
                        uint32_t gpu_index);
void sg_nodes_link(struct sg_nodes *nodes, const char *path, const char *target);
void sg_nodes_directory(struct sg_nodes *nodes, const char *path);
void sg_nodes_device(struct sg_nodes *nodes, const char *path, uint32_t major, uint32_t minor);

#endif
