/* SPDX-License-Identifier: MIT */
#include "probe/code_object.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/image.h"
#include "probe/isa.h"

hsp_status hsp_code_object_keep(struct hsp_code_object *object, void *memory) {
    void **kept = realloc(object->kept, (object->kept_count + 1) * sizeof(*kept));
    if (!kept) {
        free(memory);
        return hsp_fail_memory("an unpacked offload bundle");
    }
    object->kept = kept;
    object->kept[object->kept_count++] = memory;
    return HSP_OK;
}

hsp_status hsp_code_object_add_image(struct hsp_code_object *object,
                                     const struct hsp_image *image) {
    void *images = realloc(object->images, (object->image_count + 1) * sizeof(*object->images));
    if (!images)
        return hsp_fail_memory("the list of images");
    object->images = images;
    object->images[object->image_count++] = *image;
    return HSP_OK;
}

static hsp_status read_elf(struct hsp_code_object *object, const struct hsp_bytes *bytes) {
    // A device image is the code itself; a host file carries bundles in a section.
    uint16_t machine = 0;
    if (bytes->size >= offsetof(Elf64_Ehdr, e_machine) + sizeof(machine))
        memcpy(&machine, bytes->data + offsetof(Elf64_Ehdr, e_machine), sizeof(machine));
    if (machine == EM_AMDGPU) {
        struct hsp_image image;
        const hsp_status status = hsp_image_read_elf(bytes, &image);
        return status == HSP_OK ? hsp_code_object_add_image(object, &image) : status;
    }
    struct hsp_bytes section;
    const hsp_status status = hsp_fat_binary_find(bytes, &section);
    if (status != HSP_OK)
        return status;
    object->container = HSP_CONTAINER_FAT_BINARY;
    return hsp_bundles_read(&section, object);
}

static hsp_status read_images(struct hsp_code_object *object) {
    const struct hsp_bytes bytes = {
        .data = object->bytes, .size = object->size, .name = object->name};
    hsp_status status;
    if (hsp_bytes_are_bundle(&bytes)) {
        object->container = HSP_CONTAINER_BUNDLE;
        status = hsp_bundles_read(&bytes, object);
    } else if (bytes.size >= SELFMAG && memcmp(bytes.data, ELFMAG, SELFMAG) == 0) {
        status = read_elf(object, &bytes);
    } else {
        status = hsp_fail(HSP_ERROR_FORMAT, "%s: neither an ELF nor an offload bundle%s",
                          object->name, bytes.size == 0 ? " (the file is empty)" : "");
    }
    if (status == HSP_OK && object->image_count == 0)
        status = hsp_fail(HSP_ERROR_FORMAT, "%s: the bundle holds no device code", object->name);
    if (status != HSP_OK)
        return status;
    object->kernels = calloc(object->image_count, sizeof(*object->kernels));
    return object->kernels ? HSP_OK : hsp_fail_memory("the list of images");
}

// Takes `bytes` over, also when it fails.
static hsp_status open_bytes(unsigned char *bytes, size_t size, const char *name,
                             struct hsp_code_object **out_object) {
    struct hsp_code_object *object = calloc(1, sizeof(*object));
    if (!object) {
        free(bytes);
        return hsp_fail_memory("a code object");
    }
    pthread_mutex_init(&object->lock, NULL);
    object->bytes = bytes;
    object->size = size;
    object->name = strdup(name);
    const hsp_status status = object->name ? read_images(object) : hsp_fail_memory("a name");
    if (status != HSP_OK) {
        hsp_code_object_close(object);
        return status;
    }
    *out_object = object;
    return HSP_OK;
}

hsp_status hsp_code_object_open_memory(const void *bytes, size_t size, const char *name,
                                       struct hsp_code_object **out_object) {
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy)
        return hsp_fail_memory("a code object");
    if (size)
        memcpy(copy, bytes, size);
    return open_bytes(copy, size, name ? name : "memory", out_object);
}

static hsp_status read_all(int fd, const char *path, unsigned char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        const ssize_t got = read(fd, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hsp_fail_errno(errno, "cannot read %s", path);
        if (got == 0)
            return hsp_fail(HSP_ERROR_FORMAT, "%s: the file became shorter while being read", path);
        done += (size_t)got;
    }
    return HSP_OK;
}

static hsp_status read_file(int fd, const char *path, unsigned char **out_bytes, size_t *out_size) {
    struct stat info;
    if (fstat(fd, &info) != 0)
        return hsp_fail_errno(errno, "cannot read %s", path);
    if (S_ISDIR(info.st_mode))
        return hsp_fail_errno(EISDIR, "cannot read %s", path);
    if (!S_ISREG(info.st_mode))
        return hsp_fail(HSP_ERROR_FORMAT, "%s: expected a regular file", path);
    const size_t size = (size_t)info.st_size;
    unsigned char *bytes = malloc(size ? size : 1);
    if (!bytes)
        return hsp_fail_memory("a file");
    const hsp_status status = read_all(fd, path, bytes, size);
    if (status != HSP_OK) {
        free(bytes);
        return status;
    }
    *out_bytes = bytes;
    *out_size = size;
    return HSP_OK;
}

hsp_status hsp_file_read(const char *path, unsigned char **out_bytes, size_t *out_size) {
    // Not blocking: the path may be a pipe without a writer.
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return hsp_fail_errno(errno, "cannot open %s", path);
    const hsp_status status = read_file(fd, path, out_bytes, out_size);
    close(fd);
    return status;
}

hsp_status hsp_code_object_open_file(const char *path, struct hsp_code_object **out_object) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    const hsp_status status = hsp_file_read(path, &bytes, &size);
    return status == HSP_OK ? open_bytes(bytes, size, path, out_object) : status;
}

void hsp_code_object_close(struct hsp_code_object *object) {
    if (!object)
        return;
    hsp_arena_fini(&object->arena);
    pthread_mutex_destroy(&object->lock);
    free(object->kernels);
    free(object->images);
    for (size_t i = 0; i < object->kept_count; i++)
        free(object->kept[i]);
    free(object->kept);
    free(object->bytes);
    free(object->name);
    free(object);
}

const char *hsp_code_object_name(const struct hsp_code_object *object) {
    return object->name;
}

enum hsp_container hsp_code_object_container(const struct hsp_code_object *object) {
    return object->container;
}

size_t hsp_code_object_image_count(const struct hsp_code_object *object) {
    return object->image_count;
}

const struct hsp_image *hsp_code_object_image(const struct hsp_code_object *object, size_t index) {
    return index < object->image_count ? &object->images[index] : NULL;
}

void hsp_code_object_list_isas(const struct hsp_code_object *object, char *text, size_t bytes) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < object->image_count && used < bytes; i++) {
        const int length =
            snprintf(text + used, bytes - used, "%s%s", i ? ", " : "", object->images[i].isa);
        used += length > 0 ? (size_t)length : 0;
    }
}

static hsp_status refuse_isa(const struct hsp_code_object *object, const char *agent_isa) {
    char list[512];
    hsp_code_object_list_isas(object, list, sizeof(list));
    const char *conflict = hsp_isa_conflict(object->images[0].isa, agent_isa);
    // With several images no single difference tells the story.
    if (object->image_count > 1)
        conflict = NULL;
    return hsp_fail(HSP_ERROR_ISA_MISMATCH, "%s is for %s, the agent is %s%s%s%s", object->name,
                    list, agent_isa, conflict ? " (" : "", conflict ? conflict : "",
                    conflict ? ")" : "");
}

hsp_status hsp_code_object_select(const struct hsp_code_object *object, const char *agent_isa,
                                  size_t *out_image_index) {
    size_t best = object->image_count;
    for (size_t i = 0; i < object->image_count; i++) {
        if (!hsp_isa_compatible(object->images[i].isa, agent_isa))
            continue;
        if (best == object->image_count || hsp_isa_feature_count(object->images[i].isa) >
                                               hsp_isa_feature_count(object->images[best].isa))
            best = i;
    }
    if (best == object->image_count)
        return refuse_isa(object, agent_isa);
    *out_image_index = best;
    return HSP_OK;
}

static void read_kernels(struct hsp_code_object *object, size_t image_index) {
    struct hsp_image_kernels *entry = &object->kernels[image_index];
    entry->status =
        hsp_metadata_read(object, image_index, &object->arena, &entry->kernels, &entry->count);
    if (entry->status != HSP_OK) {
        const char *error = hsp_last_error();
        entry->error = hsp_arena_text(&object->arena, error, strlen(error));
    }
    entry->is_read = true;
}

hsp_status hsp_code_object_kernels(struct hsp_code_object *object, size_t image_index,
                                   const struct hsp_kernel **out_kernels, size_t *out_count) {
    if (image_index >= object->image_count)
        return hsp_fail(HSP_ERROR_INVALID_ARGUMENT, "%s has no image %zu: there are %zu",
                        object->name, image_index, object->image_count);
    pthread_mutex_lock(&object->lock);
    struct hsp_image_kernels *entry = &object->kernels[image_index];
    if (!entry->is_read)
        read_kernels(object, image_index);
    pthread_mutex_unlock(&object->lock);
    if (entry->status != HSP_OK)
        return hsp_fail(entry->status, "%s", entry->error ? entry->error : "out of memory");
    *out_kernels = entry->kernels;
    *out_count = entry->count;
    return HSP_OK;
}

hsp_status hsp_code_object_kernel_count(struct hsp_code_object *object, size_t image_index,
                                        size_t *out_count) {
    const struct hsp_kernel *kernels;
    size_t count = 0;
    const hsp_status status = hsp_code_object_kernels(object, image_index, &kernels, &count);
    if (status == HSP_OK)
        *out_count = count;
    return status;
}

const struct hsp_kernel *hsp_code_object_kernel(struct hsp_code_object *object, size_t image_index,
                                                size_t kernel_index) {
    const struct hsp_kernel *kernels;
    size_t count = 0;
    if (hsp_code_object_kernels(object, image_index, &kernels, &count) != HSP_OK)
        return NULL;
    return kernel_index < count ? &kernels[kernel_index] : NULL;
}
