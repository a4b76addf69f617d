/* SPDX-License-Identifier: MIT */
#include "softgpu/shim/tree.h"

#include "softgpu/common/options.h"
#include "softgpu/device.h"
#include "softgpu/kfd/kfd.h"
#include "softgpu/shim/real.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* What lies at or below these paths is ours, whatever the host has there. */
static const char *const claimed[] = {
    "/dev/kfd",
    "/dev/dri",
    "/proc/modules",
    "/sys/bus/pci/drivers/amdgpu",
    "/sys/class/drm",
    "/sys/class/kfd",
    "/sys/devices/virtual/kfd",
    "/sys/module/amdgpu",
};

/* Below these, our GPUs stand beside the host's devices: a path is ours if its next part is. */
static const char *const shared[] = {
    "/sys/bus/pci/devices/",
    "/sys/dev/char/",
    "/sys/devices/pci0000:00/",
};

enum { NODE_LIMIT = 2048, LINK_DEPTH = 8, CONTENT_LIMIT = 1 << 16, FIRST_INODE = 0x90a000 };

static struct {
    struct sg_node nodes[NODE_LIMIT];
    uint16_t lengths[NODE_LIMIT]; /* of the paths */
    size_t count;
} tree;
static atomic_bool tree_ready;
static pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct sg_node *exact(const char *path, size_t length) {
    for (size_t i = 0; i < tree.count; i++) {
        if (tree.lengths[i] == length && !memcmp(tree.nodes[i].path, path, length))
            return &tree.nodes[i];
    }
    return NULL;
}

static bool add(const struct sg_node *node) {
    if (tree.count == NODE_LIMIT)
        return false;
    struct sg_node copy = *node;
    copy.path = strdup(node->path);
    copy.content = node->content ? strdup(node->content) : NULL;
    if (!copy.path || (node->content && !copy.content)) {
        free((void *)copy.path);
        return false;
    }
    tree.lengths[tree.count] = (uint16_t)strlen(copy.path);
    tree.nodes[tree.count++] = copy;
    return true;
}

static bool is_below(const char *path, const char *top) {
    const size_t length = strlen(top);
    return !strncmp(path, top, length) && (path[length] == '/' || !path[length]);
}

static bool is_claimed_whole(const char *path) {
    for (size_t i = 0; i < sizeof claimed / sizeof claimed[0]; i++) {
        if (is_below(path, claimed[i]))
            return true;
    }
    return false;
}

/* Length of the path up to the part that tells whose it is, or 0: not in a shared directory. */
static size_t shared_length(const char *path) {
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        const size_t length = strlen(shared[i]);
        if (!strncmp(path, shared[i], length) && path[length])
            return length + strcspn(path + length, "/");
    }
    return 0;
}

/* Adds a node and the directories above it, as far as they are ours. */
static bool add_with_parents(void *context, const struct sg_node *node) {
    (void)context;
    char parent[SHIM_PATH_BYTES];
    snprintf(parent, sizeof parent, "%s", node->path);
    for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const struct sg_node directory = {.kind = SG_NODE_DIRECTORY, .path = parent};
        if ((is_claimed_whole(parent) || shared_length(parent)) && !exact(parent, strlen(parent)) &&
            !add(&directory))
            return false;
        *slash = '/';
    }
    return exact(node->path, strlen(node->path)) || add(node);
}

/* The host's file, for those that only get a line more. At most CONTENT_LIMIT bytes. */
static char *read_host(const char *path, const char *more) {
    char *text = malloc(CONTENT_LIMIT);
    if (!text)
        return NULL;
    size_t length = 0;
    const size_t room = CONTENT_LIMIT - strlen(more) - 1;
    const int fd = real_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    for (ssize_t got = 1; fd >= 0 && got > 0 && length<room; length += got> 0 ? (size_t)got : 0)
        got = read(fd, text + length, room - length);
    if (fd >= 0)
        real_close(fd);
    strcpy(text + length, more);
    return text;
}

static uint32_t first_apic_id(void) {
    unsigned id = 0;
    char *text = read_host("/proc/cpuinfo", "");
    const char *line = text ? strstr(text, "\napicid") : NULL;
    if (line)
        sscanf(line, " apicid : %u", &id);
    free(text);
    return id;
}

static bool generate(void) {
    struct sg_options options;
    if (!sg_options_read(&options))
        return false;
    const struct sg_topology topology = {
        .gpu_count = options.gpu_count,
        .vram_bytes = options.vram_bytes,
        .ram_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
        .cu_count = options.cu_count,
        .cpu_count = (uint32_t)get_nprocs(),
        .first_apic_id = first_apic_id(),
        .host_has_cpu_caches =
            real_access("/sys/devices/system/node/node0/cpu0/cache/index0", F_OK) == 0 ||
            (real_access("/sys/devices/system/node/node0", F_OK) != 0 &&
             real_access("/sys/devices/system/cpu/cpu0/cache/index0", F_OK) == 0),
    };
    if (!sg_topology_generate(&topology, add_with_parents, NULL))
        return false;
    for (size_t i = 0; i < tree.count; i++) {
        struct sg_node *node = &tree.nodes[i];
        if (!node->host_first)
            continue;
        char *text = read_host(node->path, node->content);
        if (text) {
            free((void *)node->content);
            node->content = text;
        }
    }
    return true;
}

static void hold(void) {
    pthread_mutex_lock(&tree_lock);
}

static void let_go(void) {
    pthread_mutex_unlock(&tree_lock);
}

/* A child must not find the lock taken, or half a tree, by a thread that it hasn't got. */
static void watch_forks(void) {
    pthread_atfork(hold, let_go, let_go);
}

/* A process with a bad option has no tree; the option was reported. */
static void make_ready(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (atomic_load(&tree_ready))
        return;
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&tree_lock);
    if (!atomic_load(&tree_ready)) {
        if (!generate())
            tree.count = 0;
        atomic_store(&tree_ready, true);
    }
    pthread_mutex_unlock(&tree_lock);
}

static bool is_claimed(const char *path) {
    if (is_claimed_whole(path))
        return true;
    const size_t length = shared_length(path);
    if (!length)
        return false;
    make_ready();
    return exact(path, length);
}

/* Removes "//", "/./", "/../" and slashes at the end, by text alone. False if it doesn't fit. */
static bool normalize(const char *path, char out[SHIM_PATH_BYTES]) {
    size_t length = 0;
    for (const char *at = path; *at;) {
        while (*at == '/')
            at++;
        const size_t part = strcspn(at, "/");
        if (part == 2 && at[0] == '.' && at[1] == '.') {
            while (length && out[--length] != '/')
                ;
        } else if (part && !(part == 1 && at[0] == '.')) {
            if (length + part + 2 > SHIM_PATH_BYTES)
                return false;
            out[length++] = '/';
            memcpy(out + length, at, part);
            length += part;
        }
        at += part;
    }
    out[length] = '\0';
    return true;
}

/* Makes `path` absolute. Only directories of ours are followed: others can't lead to us. */
static bool absolute(int directory_fd, const char *path, char out[SHIM_PATH_BYTES]) {
    if (path[0] == '/')
        return (!strncmp(path, "/dev", 4) || !strncmp(path, "/sys", 4) ||
                !strncmp(path, "/proc", 5) || path[1] == '/' || path[1] == '.') &&
               normalize(path, out);
    const struct sg_node *directory =
        directory_fd == AT_FDCWD ? NULL : shim_tree_of_fd(directory_fd);
    if (!directory)
        return false;
    char joined[2 * SHIM_PATH_BYTES];
    const int length = snprintf(joined, sizeof joined, "%s/%s", directory->path, path);
    return length < (int)sizeof joined && normalize(joined, out);
}

/* The first link that is a proper prefix of the path. */
static const struct sg_node *link_above(const char *path, size_t *out_length) {
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        const struct sg_node *node = exact(path, (size_t)(slash - path));
        if (node && node->kind == SG_NODE_LINK) {
            *out_length = (size_t)(slash - path);
            return node;
        }
    }
    return NULL;
}

enum shim_lookup shim_tree_find(int directory_fd, const char *path, bool follow,
                                const struct sg_node **out_node, char out_path[SHIM_PATH_BYTES]) {
    char at[SHIM_PATH_BYTES];
    out_path[0] = '\0';
    if (!path || !absolute(directory_fd, path, at) || !is_claimed(at))
        return SHIM_PASS;
    make_ready();
    for (int depth = 0; depth < LINK_DEPTH; depth++) {
        char next[2 * SHIM_PATH_BYTES];
        size_t length = strlen(at);
        const struct sg_node *node = exact(at, length);
        if (node && (node->kind != SG_NODE_LINK || !follow)) {
            *out_node = node;
            return SHIM_FOUND;
        }
        if (!node)
            node = link_above(at, &length);
        if (!node)
            return SHIM_MISSING;
        snprintf(next, sizeof next, "%s%s", node->content, at + length);
        if (!normalize(next, at))
            return SHIM_MISSING;
        if (!is_claimed(at)) {
            memcpy(out_path, at, sizeof at);
            return SHIM_PASS;
        }
    }
    return SHIM_MISSING;
}

const struct sg_node *shim_tree_of_file(int fd, const struct stat *file) {
    static const char prefix[] = "/memfd:" SG_MEMFD_PREFIX;
    static const char suffix[] = " (deleted)";
    char link[32];
    char name[SHIM_PATH_BYTES + sizeof prefix + sizeof suffix];

    if (!S_ISREG(file->st_mode) || file->st_nlink)
        return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = real_readlinkat(AT_FDCWD, link, name, sizeof name - 1);
    if (length < (ssize_t)(sizeof prefix + sizeof suffix) ||
        memcmp(name, prefix, sizeof prefix - 1))
        return NULL;
    make_ready();
    return exact(name + sizeof prefix - 1,
                 (size_t)length - (sizeof prefix - 1) - (sizeof suffix - 1));
}

const struct sg_node *shim_tree_of_fd(int fd) {
    struct stat file;
    return real_fstat(fd, &file) ? NULL : shim_tree_of_file(fd, &file);
}

/* What the file holds now. A process that hasn't opened the GPU uses nothing of it. */
static const char *content_of(const struct sg_node *node, char *room, size_t bytes) {
    if (!node->live)
        return node->content ? node->content : "";
    struct sg_kfd *kfd = sg_device_kfd();
    const uint64_t value = kfd ? sg_kfd_live(kfd, node->gpu_index, node->live) : 0;
    snprintf(room, bytes, "%llu\n", (unsigned long long)value);
    return room;
}

int shim_tree_open(const struct sg_node *node, int flags) {
    char name[SHIM_PATH_BYTES + sizeof SG_MEMFD_PREFIX];
    const bool directory = node->kind == SG_NODE_DIRECTORY;

    if ((flags & O_ACCMODE) != O_RDONLY)
        return directory ? -EISDIR : -EACCES;
    if (flags & O_DIRECTORY && !directory)
        return -ENOTDIR;
    snprintf(name, sizeof name, SG_MEMFD_PREFIX "%s", node->path);
    const int fd = memfd_create(name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (fd < 0)
        return -errno;
    char room[32];
    const char *content = content_of(node, room, sizeof room);
    const size_t length = strlen(content);
    if (length && pwrite(fd, content, length, 0) != (ssize_t)length) {
        real_close(fd);
        return -ENOMEM;
    }
    return fd;
}

const struct sg_node *shim_tree_child(const struct sg_node *directory, size_t index) {
    const size_t length = strlen(directory->path);
    for (size_t i = 0; i < tree.count; i++) {
        const char *path = tree.nodes[i].path;
        if (!strncmp(path, directory->path, length) && path[length] == '/' &&
            !strchr(path + length + 1, '/') && index-- == 0)
            return &tree.nodes[i];
    }
    return NULL;
}

const char *shim_tree_name(const struct sg_node *node) {
    return strrchr(node->path, '/') + 1;
}

ino_t shim_tree_inode(const struct sg_node *node) {
    return FIRST_INODE + (ino_t)(node - tree.nodes);
}
