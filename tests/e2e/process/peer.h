/* SPDX-License-Identifier: MIT */
/// Two processes of one test: this program run again with one argument, and a socket between them.
/// Every failed step ends the process with a line; a peer that ends early is such a failure.
#ifndef E2E_PEER_H
#define E2E_PEER_H

#include <stddef.h>
#include <sys/types.h>

struct peer {
    pid_t pid;
    int socket;
};

/// Starts this program with one argument; the child finds its end by peer_parent.
void peer_start(const char *argument, struct peer *out_peer);
/// In the child: the process that started it.
struct peer peer_parent(void);
/// Sends and receives messages of a known length.
void peer_send(const struct peer *peer, const void *bytes, size_t count);
void peer_receive(const struct peer *peer, void *bytes, size_t count);
/// One byte each way: who comes first waits for the other.
void peer_meet(const struct peer *peer);
/// Passes a file descriptor; the receiver owns what it gets.
void peer_send_fd(const struct peer *peer, int fd);
int peer_receive_fd(const struct peer *peer);
/// Waits for the child's end, which must be exit code 0.
void peer_finish(struct peer *peer);

#endif
