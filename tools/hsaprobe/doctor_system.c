/* SPDX-License-Identifier: MIT */
/* Checks of the kernel driver, its device nodes and the limits of this process. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "device.h"
#include "doctor.h"
#include "memory.h"

#define KFD_PATH "/dev/kfd"
#define DRI_PATH "/dev/dri"

/* Nothing about a real device is a failure as long as the software GPU can take its place. */
static const char join_groups[] = "sudo usermod -aG render,video $USER, then log in again";

void doctor_kfd(struct finding *finding) {
    if (access(KFD_PATH, R_OK | W_OK) == 0) {
        finding_set(finding, FINDING_OK, "readable and writable%s",
                    device_is_software() ? " (of the software GPU)" : "");
        return;
    }
    if (errno == ENOENT) {
        finding_set(finding, FINDING_NOTE, "not there: no AMD GPU, or no amdgpu driver");
        finding_fix(finding,
                    "none needed for the software GPU; else load the driver: modprobe amdgpu");
        return;
    }
    finding_set(finding, FINDING_WARN, "%s", strerror(errno));
    finding_fix(finding, "%s", join_groups);
}

void doctor_render(struct finding *finding) {
    DIR *directory = opendir(DRI_PATH);
    unsigned usable = 0;
    unsigned found = 0;
    if (directory) {
        for (struct dirent *entry; (entry = readdir(directory));) {
            if (strncmp(entry->d_name, "renderD", 7) != 0)
                continue;
            char *path = xasprintf(DRI_PATH "/%s", entry->d_name);
            found++;
            usable += access(path, R_OK | W_OK) == 0;
            free(path);
        }
        closedir(directory);
    }
    if (found == 0) {
        finding_set(finding, FINDING_NOTE, "no " DRI_PATH "/renderD*");
    } else if (usable < found) {
        finding_set(finding, FINDING_WARN, "%u of %u can't be opened", found - usable, found);
        finding_fix(finding, "%s", join_groups);
    } else {
        finding_set(finding, FINDING_OK, "%u usable", usable);
    }
}

static bool in_group(gid_t wanted) {
    gid_t groups[256];
    int count = getgroups(sizeof groups / sizeof *groups, groups);
    for (int i = 0; i < count; i++)
        if (groups[i] == wanted)
            return true;
    return getegid() == wanted;
}

void doctor_groups(struct finding *finding) {
    static const char *const names[] = {"render", "video"};
    char *missing = xstrdup("");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct group *group = getgrnam(names[i]);
        if (!group || in_group(group->gr_gid))
            continue;
        char *longer = xasprintf("%s%s%s", missing, *missing ? ", " : "", names[i]);
        free(missing);
        missing = longer;
    }
    if (!*missing) {
        finding_set(finding, FINDING_OK, "member of render and video, where they exist");
    } else if (geteuid() == 0) {
        finding_set(finding, FINDING_OK, "not in %s, but root needs no group", missing);
    } else {
        bool needed = access(KFD_PATH, F_OK) == 0 && access(KFD_PATH, R_OK | W_OK) != 0;
        finding_set(finding, needed ? FINDING_WARN : FINDING_NOTE, "not in %s%s", missing,
                    needed ? "" : ", which only a real GPU asks for");
        if (needed)
            finding_fix(finding, "%s", join_groups);
    }
    free(missing);
}

void doctor_driver(struct finding *finding) {
    char version[128] = "";
    FILE *file = fopen("/sys/module/amdgpu/version", "re");
    if (file) {
        if (!fgets(version, sizeof version, file))
            version[0] = 0;
        fclose(file);
        version[strcspn(version, "\n")] = 0;
    }
    if (access("/sys/module/amdgpu", F_OK) != 0) {
        finding_set(finding, FINDING_NOTE, "amdgpu is not loaded");
        finding_fix(finding, "none needed for the software GPU; else: modprobe amdgpu");
    } else {
        finding_set(finding, FINDING_OK, "amdgpu is loaded%s%s", *version ? ", version " : "",
                    version);
    }
}

/* The verdict on devices: a real one, or the software one. */
void doctor_device(struct finding *finding) {
    char *library = device_softgpu_library();
    if (device_is_software()) {
        finding_set(finding, FINDING_OK, "this process runs on the software GPU");
    } else if (access(KFD_PATH, R_OK | W_OK) == 0) {
        finding_set(finding, FINDING_OK, "commands run on the real GPU");
    } else if (library && !device_can_preload(library)) {
        finding_set(finding, FINDING_FAIL, "no GPU, and the software GPU can't be preloaded");
        finding_fix(finding, "move this installation to a path without spaces and colons");
    } else if (library && access(KFD_PATH, F_OK) != 0) {
        finding_set(finding, FINDING_OK, "commands run on the software GPU");
    } else if (library) {
        finding_set(finding, FINDING_WARN, "there is a GPU that can't be opened");
        finding_fix(finding, "%s; or use --device soft", join_groups);
    } else {
        finding_set(finding, FINDING_FAIL, "neither a real GPU nor the software GPU");
        finding_fix(finding, "build with -DHSAPROBE_SOFTGPU=ON");
    }
    free(library);
}

static void limit_text(rlim_t limit, char *text, size_t bytes) {
    if (limit == RLIM_INFINITY)
        snprintf(text, bytes, "unlimited");
    else
        snprintf(text, bytes, "%" PRIu64 " KiB", (uint64_t)limit / 1024);
}

void doctor_memlock(struct finding *finding) {
    struct rlimit limit;
    char text[32];
    getrlimit(RLIMIT_MEMLOCK, &limit);
    limit_text(limit.rlim_cur, text, sizeof text);
    /* the driver pins user memory beyond this only for privileged processes */
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < (64u << 20) && geteuid() != 0) {
        finding_set(finding, FINDING_NOTE, "%s", text);
        finding_fix(finding, "raise it if pinning memory fails: ulimit -l unlimited");
    } else {
        finding_set(finding, FINDING_OK, "%s", text);
    }
}

void doctor_address_space(struct finding *finding) {
    struct rlimit limit;
    char text[32];
    getrlimit(RLIMIT_AS, &limit);
    limit_text(limit.rlim_cur, text, sizeof text);
    if (limit.rlim_cur == RLIM_INFINITY) {
        finding_set(finding, FINDING_OK, "%s", text);
        return;
    }
    finding_set(finding, FINDING_WARN, "limited to %s: device memory is mapped into it", text);
    finding_fix(finding, "ulimit -v unlimited, or a smaller --vram for the software GPU");
}

void doctor_shm(struct finding *finding) {
    struct statvfs shm;
    if (statvfs("/dev/shm", &shm) != 0) {
        finding_set(finding, FINDING_WARN, "%s: ROCr shares signals between processes there",
                    strerror(errno));
        finding_fix(finding, "mount -t tmpfs tmpfs /dev/shm");
        return;
    }
    uint64_t free_mib = (uint64_t)shm.f_bavail * shm.f_frsize >> 20;
    finding_set(finding, free_mib < 16 ? FINDING_WARN : FINDING_OK, "%" PRIu64 " MiB free",
                free_mib);
    if (free_mib < 16)
        finding_fix(finding, "mount -o remount,size=64M /dev/shm");
}
