/* SPDX-License-Identifier: MIT */
/* Events of the system management interface. A client's descriptor is one end of a socket pair: the
 * mask that it writes waits at our end until there is something to report, the lines that we send
 * wait at its end, so reading, polling and closing need nobody's help. */
#include "softgpu/kfd/fds.h"
#include "softgpu/kfd/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void sg_smi_init(struct sg_kfd *kfd) {
    pthread_mutex_init(&kfd->smi.lock, NULL);
    for (int i = 0; i < SG_SMI_LIMIT; i++)
        atomic_store(&kfd->smi.slot[i], -1);
}

void sg_smi_fini(struct sg_kfd *kfd) {
    for (int i = 0; i < SG_SMI_LIMIT; i++)
        sg_fd_drop(atomic_load(&kfd->smi.slot[i]));
    pthread_mutex_destroy(&kfd->smi.lock);
}

/* The last mask that the client wrote. */
static uint64_t mask_of(struct sg_smi_clients *smi, int client, int fd) {
    uint64_t mask;
    while (recv(fd, &mask, sizeof mask, MSG_DONTWAIT) == sizeof mask)
        atomic_store(&smi->mask[client], mask);
    return atomic_load(&smi->mask[client]);
}

static bool is_gone(struct sg_smi_clients *smi, int client, int slot) {
    char byte;
    mask_of(smi, client, sg_fd_of(slot));
    return !recv(sg_fd_of(slot), &byte, sizeof byte, MSG_DONTWAIT | MSG_PEEK);
}

/* A place for a new client: free, or that of one that has closed its end. Returns it or -ENOSPC. */
static int take_place(struct sg_smi_clients *smi) {
    for (int i = 0; i < SG_SMI_LIMIT; i++) {
        const int slot = atomic_load(&smi->slot[i]);
        if (slot >= 0 && !is_gone(smi, i, slot))
            continue;
        atomic_store(&smi->slot[i], -1);
        sg_fd_drop(slot);
        return i;
    }
    return -ENOSPC;
}

static int add_client(struct sg_smi_clients *smi, const struct sg_gpu *gpu) {
    int ends[2];
    const int place = take_place(smi);
    if (place < 0)
        return place;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
        return -errno;
    const int slot = sg_fd_keep(ends[0]);
    if (slot < 0) {
        close(ends[1]);
        return -ENFILE;
    }
    atomic_store(&smi->mask[place], 0);
    smi->gpu_index[place] = gpu->index;
    atomic_store(&smi->slot[place], slot);
    return ends[1];
}

int sg_ioctl_smi_events(struct sg_kfd *kfd, struct abi_kfd_smi_events *args) {
    const struct sg_gpu *gpu = sg_gpu_find(kfd, args->gpuid);
    if (!gpu)
        return -EINVAL;
    pthread_mutex_lock(&kfd->smi.lock);
    const int fd = add_client(&kfd->smi, gpu);
    pthread_mutex_unlock(&kfd->smi.lock);
    if (fd < 0)
        return fd;
    args->anon_fd = (uint32_t)fd;
    return 0;
}

void sg_smi_report(struct sg_gpu *gpu, enum abi_kfd_smi_event event, const char *text) {
    struct sg_smi_clients *smi = &gpu->kfd->smi;
    static const char digits[] = "0123456789abcdef";
    char line[128] = {digits[event & 15], ' '};
    strncpy(line + 2, text, sizeof line - 4);
    const size_t length = strlen(line);
    line[length] = '\n';
    for (int i = 0; i < SG_SMI_LIMIT; i++) {
        const int slot = atomic_load(&smi->slot[i]);
        if (slot < 0 || smi->gpu_index[i] != gpu->index)
            continue;
        const int fd = sg_fd_of(slot);
        if (mask_of(smi, i, fd) & ABI_KFD_SMI_MASK(event))
            send(fd, line, length + 1, MSG_DONTWAIT | MSG_NOSIGNAL); /* what doesn't fit is lost */
    }
}
