/* SPDX-License-Identifier: MIT */
/// The paths that the software GPU answers for, and what they hold.
///
/// The tree lives in memory. A file is opened as an anonymous memory file with its contents, named
/// after its path, so that a file descriptor tells by itself what it is: in this process, in a
/// child, after exec and after being passed to another process. Nothing touches a file system.
#ifndef SG_SHIM_TREE_H
#define SG_SHIM_TREE_H

#include "softgpu/kfd/topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { SHIM_PATH_BYTES = 256 };

enum shim_lookup {
    SHIM_PASS,    ///< not ours: ask the system
    SHIM_FOUND,   ///< ours: the node is set
    SHIM_MISSING, ///< would be ours, but isn't there: ENOENT
};

/// Looks a path up. `directory_fd` as for openat; `follow` resolves a link at the end. With
/// SHIM_PASS after a link, `out_path` holds the path to ask the system for; otherwise it is "".
/// Costs a few comparisons for paths that are not below /dev, /sys or /proc.
enum shim_lookup shim_tree_find(int directory_fd, const char *path, bool follow,
                                const struct sg_node **out_node, char out_path[SHIM_PATH_BYTES]);

/// The node that a file descriptor was opened from, or NULL. Looks only at anonymous memory files.
const struct sg_node *shim_tree_of_fd(int fd);
/// As above for a file already asked with fstat.
const struct sg_node *shim_tree_of_file(int fd, const struct stat *file);

/// Opens a node that is a file or a directory. Returns a file descriptor or -errno.
int shim_tree_open(const struct sg_node *node, int flags);

/// The `index`-th entry of a directory, or NULL behind the last one.
const struct sg_node *shim_tree_child(const struct sg_node *directory, size_t index);
/// Last component of a node's path.
const char *shim_tree_name(const struct sg_node *node);
/// Number that serves as the node's inode.
ino_t shim_tree_inode(const struct sg_node *node);

#endif
