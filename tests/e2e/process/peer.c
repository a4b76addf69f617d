/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include "e2e.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SOCKET = 3 };

void peer_start(const char *argument, struct peer *out_peer) {
    int ends[2];
    char path[4096] = "";
    CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0, "/proc/self/exe");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    out_peer->pid = fork();
    CHECK(out_peer->pid >= 0, "fork");
    if (out_peer->pid == 0) {
        // dup2 clears close-on-exec, except where both numbers are the same.
        const int copy = dup(ends[1]);
        dup2(copy, CHILD_SOCKET);
        execl(path, path, argument, (char *)NULL);
        _exit(126);
    }
    close(ends[1]);
    out_peer->socket = ends[0];
}

struct peer peer_parent(void) {
    return (struct peer){.pid = getppid(), .socket = CHILD_SOCKET};
}

void peer_send(const struct peer *peer, const void *bytes, size_t count) {
    CHECK(send(peer->socket, bytes, count, MSG_NOSIGNAL) == (ssize_t)count, "peer %d", peer->pid);
}

void peer_receive(const struct peer *peer, void *bytes, size_t count) {
    CHECK(recv(peer->socket, bytes, count, MSG_WAITALL) == (ssize_t)count, "peer %d", peer->pid);
}

void peer_meet(const struct peer *peer) {
    char byte = 0;
    peer_send(peer, &byte, 1);
    peer_receive(peer, &byte, 1);
}

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

void peer_send_fd(const struct peer *peer, int fd) {
    union control control = {.header = {.cmsg_level = SOL_SOCKET,
                                        .cmsg_type = SCM_RIGHTS,
                                        .cmsg_len = CMSG_LEN(sizeof fd)}};
    char byte = 0;
    struct iovec data = {&byte, 1};
    const struct msghdr message = {.msg_iov = &data,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    CHECK(sendmsg(peer->socket, &message, MSG_NOSIGNAL) == 1, "peer %d", peer->pid);
}

int peer_receive_fd(const struct peer *peer) {
    union control control;
    char byte;
    int fd = -1;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    CHECK(recvmsg(peer->socket, &message, MSG_CMSG_CLOEXEC) == 1, "peer %d", peer->pid);
    CHECK(message.msg_controllen >= CMSG_LEN(sizeof fd), "no file descriptor came");
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

void peer_finish(struct peer *peer) {
    int status = -1;
    close(peer->socket);
    CHECK(waitpid(peer->pid, &status, 0) == peer->pid && WIFEXITED(status) &&
              WEXITSTATUS(status) == 0,
          "child's status 0x%x", (unsigned)status);
}
