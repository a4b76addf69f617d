/* SPDX-License-Identifier: MIT */
/* What libc does with directories inside itself, past opendir: scandir, glob, ftw and nftw. In the
 * generated tree these are done here; elsewhere they are libc's. (fts isn't: few use libc's.) */
#include "softgpu/shim/next.h"
#include "softgpu/shim/real.h"
#include "softgpu/shim/tree.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(glob_t) == sizeof(glob64_t), "one layout on 64-bit systems");
static_assert(sizeof(struct stat) == sizeof(struct stat64), "one layout on 64-bit systems");

/* --- scandir --- */

typedef int (*filter_function)(const struct dirent *entry);
typedef int (*compare_function)(const struct dirent **a, const struct dirent **b);
typedef int (*scandirat_function)(int directory_fd, const char *path, struct dirent ***out_list,
                                  filter_function filter, compare_function compare);

static void free_list(struct dirent **list, int count) {
    for (int i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

static struct dirent *copy_entry(const struct dirent *entry) {
    struct dirent *copy = malloc(sizeof *copy);
    if (copy)
        *copy = *entry;
    return copy;
}

/* All entries of an open directory of ours. Returns their number, or -1. */
static int collect(DIR *handle, filter_function filter, struct dirent ***out_list) {
    struct dirent **list = NULL;
    int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(handle))) {
        if (filter && !filter(entry))
            continue;
        struct dirent **longer = realloc(list, ((size_t)count + 1) * sizeof(struct dirent *));
        if (longer)
            list = longer;
        struct dirent *copy = longer ? copy_entry(entry) : NULL;
        if (!copy) {
            free_list(list, count);
            errno = ENOMEM;
            return -1;
        }
        list[count++] = copy;
    }
    *out_list = list;
    return count;
}

static int scan(int directory_fd, const char *path, struct dirent ***out_list,
                filter_function filter, compare_function compare) {
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    if (shim_tree_find(directory_fd, path, true, &node, elsewhere) == SHIM_PASS) {
        NEXT(scandirat_function, "scandirat64")
        return function(directory_fd, elsewhere[0] ? elsewhere : path, out_list, filter, compare);
    }
    const int fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *handle = fd < 0 ? NULL : fdopendir(fd);
    if (!handle)
        return -1;
    const int count = collect(handle, filter, out_list);
    closedir(handle);
    if (count > 1 && compare)
        qsort(*out_list, (size_t)count, sizeof **out_list,
              (int (*)(const void *, const void *))compare);
    return count;
}

#define DEFINE_SCAN(suffix, type)                                                                  \
    SHIM_EXPORT int scandir##suffix(const char *restrict path, struct type ***restrict out_list,   \
                                    int (*filter)(const struct type *),                            \
                                    int (*compare)(const struct type **, const struct type **)) {  \
        return scan(AT_FDCWD, path, (struct dirent ***)out_list, (filter_function)filter,          \
                    (compare_function)compare);                                                    \
    }                                                                                              \
    SHIM_EXPORT int scandirat##suffix(                                                             \
        int directory_fd, const char *restrict path, struct type ***restrict out_list,             \
        int (*filter)(const struct type *),                                                        \
        int (*compare)(const struct type **, const struct type **)) {                              \
        return scan(directory_fd, path, (struct dirent ***)out_list, (filter_function)filter,      \
                    (compare_function)compare);                                                    \
    }
DEFINE_SCAN(, dirent)
DEFINE_SCAN(64, dirent64)

/* --- glob --- */

typedef int (*glob_function)(const char *pattern, int flags, int (*on_error)(const char *, int),
                             glob_t *out);

static void glob_closedir(void *handle) {
    closedir(handle);
}

static void *glob_opendir(const char *path) {
    return opendir(path);
}

static struct dirent *glob_readdir(void *handle) {
    return readdir(handle);
}

/* libc's glob takes the directory functions from the caller, if told to. */
static int expand(const char *pattern, int flags, int (*on_error)(const char *, int), glob_t *out) {
    NEXT(glob_function, "glob")
    if (flags & GLOB_ALTDIRFUNC)
        return function(pattern, flags, on_error, out);
    out->gl_closedir = glob_closedir;
    out->gl_readdir = glob_readdir;
    out->gl_opendir = glob_opendir;
    out->gl_lstat = lstat;
    out->gl_stat = stat;
    const int result = function(pattern, flags | GLOB_ALTDIRFUNC, on_error, out);
    out->gl_flags &= ~GLOB_ALTDIRFUNC;
    return result;
}

SHIM_EXPORT int glob(const char *restrict pattern, int flags, int (*on_error)(const char *, int),
                     glob_t *restrict out) {
    return expand(pattern, flags, on_error, out);
}

SHIM_EXPORT int glob64(const char *restrict pattern, int flags, int (*on_error)(const char *, int),
                       glob64_t *restrict out) {
    return expand(pattern, flags, on_error, (glob_t *)out);
}

/* --- nftw --- */

typedef int (*visit_function)(const char *path, const struct stat *file, int kind,
                              struct FTW *where);
typedef int (*plain_visit_function)(const char *path, const struct stat *file, int kind);
typedef int (*nftw_function)(const char *path, visit_function visit, int descriptors, int flags);
typedef int (*ftw_function)(const char *path, plain_visit_function visit, int descriptors);

struct place {
    dev_t device;
    ino_t inode;
};

struct walk {
    visit_function visit;
    plain_visit_function plain_visit; /* ftw's, instead */
    int flags;
    int depth;
    struct place *seen; /* where links are followed: a directory is entered once */
    size_t seen_count;
};

static int visit(struct walk *walk, const char *path, const struct stat *file, int kind) {
    struct FTW where = {.base = (int)(strrchr(path, '/') + 1 - path), .level = walk->depth};
    if (walk->plain_visit)
        return walk->plain_visit(path, file, kind);
    return walk->visit(path, file, kind, &where);
}

/* Returns 1 for a directory that is new, 0 for a known one, -1 without memory. */
static int note_place(struct walk *walk, const struct stat *file) {
    for (size_t i = 0; i < walk->seen_count; i++) {
        if (walk->seen[i].inode == file->st_ino && walk->seen[i].device == file->st_dev)
            return 0;
    }
    struct place *longer = realloc(walk->seen, (walk->seen_count + 1) * sizeof *longer);
    if (!longer)
        return -1;
    longer[walk->seen_count++] = (struct place){file->st_dev, file->st_ino};
    walk->seen = longer;
    return 1;
}

static int walk_from(struct walk *walk, const char *path);

static int walk_entries(struct walk *walk, const char *path) {
    int result = 0;
    const struct dirent *entry;
    DIR *handle = opendir(path);
    if (!handle)
        return -1;
    while (!result && (entry = readdir(handle))) {
        char below[SHIM_PATH_BYTES];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < (int)sizeof below)
            result = walk_from(walk, below);
        if (walk->flags & FTW_ACTIONRETVAL && result == FTW_SKIP_SUBTREE)
            result = 0;
    }
    closedir(handle);
    return walk->flags & FTW_ACTIONRETVAL && result == FTW_SKIP_SIBLINGS ? 0 : result;
}

static int walk_directory(struct walk *walk, const char *path, const struct stat *file) {
    const bool post = walk->flags & FTW_DEPTH;
    if (!(walk->flags & FTW_PHYS)) {
        const int is_new = note_place(walk, file);
        if (is_new <= 0)
            return is_new;
    }
    int result = post ? 0 : visit(walk, path, file, FTW_D);
    if (!result) {
        walk->depth++;
        result = walk_entries(walk, path);
        walk->depth--;
    }
    return !result && post ? visit(walk, path, file, FTW_DP) : result;
}

static int walk_from(struct walk *walk, const char *path) {
    struct stat file;
    const bool physical = walk->flags & FTW_PHYS;
    if (physical ? lstat(path, &file) : stat(path, &file))
        return lstat(path, &file) ? visit(walk, path, &file, FTW_NS)
                                  : visit(walk, path, &file, walk->plain_visit ? FTW_NS : FTW_SLN);
    if (S_ISDIR(file.st_mode))
        return walk_directory(walk, path, &file);
    return visit(walk, path, &file, S_ISLNK(file.st_mode) ? FTW_SL : FTW_F);
}

/* Returns true if `path` is ours: then the walk was done and *out_result is nftw's. */
static bool walk_ours(struct walk *walk, const char *path, int *out_result) {
    const struct sg_node *node;
    char elsewhere[SHIM_PATH_BYTES];
    char start[SHIM_PATH_BYTES];
    if (shim_tree_find(AT_FDCWD, path, true, &node, elsewhere) == SHIM_PASS)
        return false;
    snprintf(start, sizeof start, "%s", path);
    for (size_t end = strlen(start); end > 1 && start[end - 1] == '/'; end--)
        start[end - 1] = '\0';
    *out_result = -1;
    if (walk->flags & FTW_CHDIR)
        errno = ENOTDIR; /* nobody can be in a directory that only this library knows */
    else if (shim_tree_find(AT_FDCWD, start, false, &node, elsewhere) == SHIM_MISSING)
        errno = ENOENT;
    else
        *out_result = walk_from(walk, start);
    free(walk->seen);
    if (walk->flags & FTW_ACTIONRETVAL && *out_result == FTW_SKIP_SUBTREE)
        *out_result = 0;
    return true;
}

static int walk_by_nftw(const char *path, visit_function function_of_caller, int descriptors,
                        int flags) {
    struct walk walk = {.visit = function_of_caller, .flags = flags};
    int result;
    if (walk_ours(&walk, path, &result))
        return result;
    NEXT(nftw_function, "nftw")
    return function(path, function_of_caller, descriptors, flags);
}

static int walk_by_ftw(const char *path, plain_visit_function function_of_caller, int descriptors) {
    struct walk walk = {.plain_visit = function_of_caller};
    int result;
    if (walk_ours(&walk, path, &result))
        return result;
    NEXT(ftw_function, "ftw")
    return function(path, function_of_caller, descriptors);
}

SHIM_EXPORT int nftw(const char *path, visit_function function_of_caller, int descriptors,
                     int flags) {
    return walk_by_nftw(path, function_of_caller, descriptors, flags);
}

SHIM_EXPORT int nftw64(const char *path, __nftw64_func_t function_of_caller, int descriptors,
                       int flags) {
    return walk_by_nftw(path, (visit_function)function_of_caller, descriptors, flags);
}

SHIM_EXPORT int ftw(const char *path, plain_visit_function function_of_caller, int descriptors) {
    return walk_by_ftw(path, function_of_caller, descriptors);
}

SHIM_EXPORT int ftw64(const char *path, __ftw64_func_t function_of_caller, int descriptors) {
    return walk_by_ftw(path, (plain_visit_function)function_of_caller, descriptors);
}
