/* SPDX-License-Identifier: MIT */
/// File descriptors that the driver keeps open in the application's process for itself.
///
/// They are numbered out of the way, and the application can neither close them nor put its own in
/// their place: the shim asks here. Who keeps one knows it by a slot, because its number may
/// change. One table per process. All functions are lock-free; slots belong to their keepers.
#ifndef SG_KFD_FDS_H
#define SG_KFD_FDS_H

#include <stdbool.h>

/// Gives a file descriptor a number out of the way of programs that count on low ones: closes `fd`
/// and returns its copy, or `fd` itself where there is no room.
int sg_fd_move_up(int fd);

/// Takes over `fd` (which is closed on failure). Returns its slot, or -1 when there is none left.
int sg_fd_keep(int fd);
/// The number of a slot's file descriptor now.
int sg_fd_of(int slot);
/// Closes it. A slot below 0 is accepted.
void sg_fd_drop(int slot);

/// The lowest kept file descriptor that is >= `from`, or -1.
int sg_fd_next(int from);
/// Moves a kept file descriptor away from its number. Returns false if it can't.
bool sg_fd_vacate(int fd);
/// In the child of a fork: closes all, they are the parent's.
void sg_fd_abandon(void);

#endif
