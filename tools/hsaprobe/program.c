/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where execvp finds the name. False if nowhere. */
static bool find(const char *name, char out_path[PATH_MAX]) {
    const char *folders = getenv("PATH");
    if (strchr(name, '/'))
        return snprintf(out_path, PATH_MAX, "%s", name) < PATH_MAX;
    for (const char *at = folders ? folders : "/bin:/usr/bin"; *at;) {
        const int length = (int)strcspn(at, ":");
        const int written =
            snprintf(out_path, PATH_MAX, "%.*s/%s", length ? length : 1, length ? at : ".", name);
        if (written < PATH_MAX && access(out_path, X_OK) == 0)
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static bool has_interpreter(int fd, const Elf64_Ehdr *header) {
    for (int i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        const off_t at = (off_t)(header->e_phoff + (uint64_t)i * header->e_phentsize);
        if (pread(fd, &segment, sizeof segment, at) != sizeof segment)
            return true; /* broken: exec will say so */
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

static const char *judge_elf(int fd, const Elf64_Ehdr *header) {
    struct stat file;
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        return "it is not a program for x86-64";
    if (!has_interpreter(fd, header))
        return "it is linked statically";
    if (!fstat(fd, &file) && ((file.st_mode & S_ISUID && file.st_uid != getuid()) ||
                              (file.st_mode & S_ISGID && file.st_gid != getgid())))
        return "it runs as another user (setuid or setgid)";
    return NULL;
}

/* `out_interpreter` is set, and NULL returned, for a script. */
static const char *judge(const char *path, char out_interpreter[PATH_MAX]) {
    char begin[PATH_MAX] = "";
    Elf64_Ehdr header;
    const char *reason = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (pread(fd, &header, sizeof header, 0) == sizeof header &&
        memcmp(header.e_ident, ELFMAG, SELFMAG) == 0)
        reason = judge_elf(fd, &header);
    else if (pread(fd, begin, sizeof begin - 1, 0) > 2 && memcmp(begin, "#!", 2) == 0)
        sscanf(begin + 2, " %4095s", out_interpreter);
    close(fd);
    return reason;
}

const char *program_without_preload(const char *name) {
    enum { SCRIPT_DEPTH = 4 }; /* as the kernel's */
    char path[PATH_MAX];
    if (!find(name, path))
        return NULL;
    for (int i = 0; i < SCRIPT_DEPTH; i++) {
        char interpreter[PATH_MAX] = "";
        const char *reason = judge(path, interpreter);
        if (reason || !interpreter[0])
            return reason;
        memcpy(path, interpreter, sizeof path);
    }
    return NULL;
}
