/* SPDX-License-Identifier: MIT */
/* A program that runs with the software GPU preloaded and walks the generated tree as tools do:
 * walk_test NAME runs one test. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);      \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define KFD   "/sys/class/kfd/kfd"
#define NODES KFD "/topology/nodes"

static int is_number(const struct dirent *entry) {
    return entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
}

static void free_names(struct dirent **names, int count) {
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static void scandir_lists(void) {
    struct dirent **names;
    int count = scandir(NODES, &names, is_number, alphasort);
    CHECK(count == 3); /* the processor and two GPUs */
    for (int i = 0; i < count; i++)
        CHECK(names[i]->d_name[0] == '0' + i && names[i]->d_type == DT_DIR);
    free_names(names, count);
    const int folder = open(KFD "/topology", O_RDONLY | O_DIRECTORY);
    CHECK(folder >= 0);
    count = scandirat(folder, "nodes", &names, NULL, alphasort);
    CHECK(count == 5 && !strcmp(names[0]->d_name, ".") && !strcmp(names[1]->d_name, ".."));
    free_names(names, count);
    close(folder);
    CHECK(scandir(NODES "/3", &names, NULL, NULL) < 0 && errno == ENOENT);
    CHECK(scandir(NODES "/0/gpu_id", &names, NULL, NULL) < 0 && errno == ENOTDIR);
    count = scandir("/proc/self/fd", &names, is_number, NULL); /* the system's own */
    CHECK(count >= 3);
    free_names(names, count);
}

static void glob_expands(void) {
    glob_t found;
    CHECK(glob(NODES "/*/gpu_id", 0, NULL, &found) == 0 && found.gl_pathc == 3);
    CHECK(!strcmp(found.gl_pathv[2], NODES "/2/gpu_id"));
    CHECK(glob("/dev/dri/renderD*", GLOB_APPEND, NULL, &found) == 0 && found.gl_pathc == 5);
    CHECK(!strcmp(found.gl_pathv[4], "/dev/dri/renderD129"));
    globfree(&found);
    CHECK(glob("/sys/class/drm/card*/device/vendor", 0, NULL, &found) == 0);
    CHECK(found.gl_pathc == 2);
    globfree(&found);
    CHECK(glob(NODES "/*/nothing", 0, NULL, &found) == GLOB_NOMATCH);
    CHECK(glob("/proc/se[l]f/status", 0, NULL, &found) == 0 && found.gl_pathc == 1);
    globfree(&found);
}

static int ids, folders, links, order_errors, last_level;

static int count_entry(const char *path, const struct stat *file, int kind, struct FTW *where) {
    ids += kind == FTW_F && !strcmp(path + where->base, "gpu_id") && S_ISREG(file->st_mode);
    folders += kind == FTW_D || kind == FTW_DP;
    links += kind == FTW_SL;
    order_errors += kind == FTW_D && where->level > last_level + 1;
    last_level = where->level;
    return !strcmp(path, NODES "/2/gpu_id") && getenv("STOP") ? 42 : 0;
}

static void nftw_walks(void) {
    CHECK(nftw(NODES "/", count_entry, 8, FTW_PHYS) == 0);
    CHECK(ids == 3 && folders > 20 && order_errors == 0 && links == 0);
    const int top_down = folders;
    ids = folders = 0;
    CHECK(nftw(NODES, count_entry, 8, FTW_PHYS | FTW_DEPTH) == 0);
    CHECK(ids == 3 && folders == top_down);
    CHECK(nftw("/sys/class/drm", count_entry, 8, FTW_PHYS) == 0 && links == 4);
    links = 0;
    /* Followed, subsystem and driver lead out of the tree, and device leads back to where it is. */
    folders = 0;
    CHECK(nftw("/sys/class/drm/card0/device", count_entry, 8, 0) == 0 && links == 0);
    CHECK(folders >= 3);
    setenv("STOP", "1", 1);
    CHECK(nftw(NODES, count_entry, 8, 0) == 42);
    CHECK(nftw(NODES "/7", count_entry, 8, 0) == -1 && errno == ENOENT);
    CHECK(nftw("/proc/self/task", count_entry, 8, FTW_PHYS) == 0);
}

/* fts and its like ask twice and compare. */
static void files_are_the_same_by_path_and_descriptor(void) {
    static const char *const paths[] = {KFD, NODES, NODES "/1", NODES "/1/properties"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct stat by_path, by_fd;
        const int fd = open(paths[i], O_RDONLY);
        CHECK(fd >= 0 && !fstat(fd, &by_fd) && !stat(paths[i], &by_path));
        CHECK(by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev);
        CHECK(by_path.st_mode == by_fd.st_mode && by_path.st_size == by_fd.st_size);
        close(fd);
    }
}

static void says(const char *command, const char *wanted) {
    char text[256] = "";
    FILE *output = popen(command, "r");
    CHECK(output);
    text[fread(text, 1, sizeof text - 1, output)] = '\0';
    CHECK(pclose(output) == 0);
    if (strcmp(text, wanted))
        fprintf(stderr, "%s said: %s", command, text);
    CHECK(!strcmp(text, wanted));
}

static void other_tools_walk(void) {
    says("find /sys/devices/virtual/kfd -name gpu_id >/dev/null && echo walked", "walked\n");
    says("grep -rh simd_count /sys/devices/virtual/kfd/kfd/topology/nodes/2", "simd_count 416\n");
    says("ls " NODES, "0\n1\n2\n");
    says("cat " NODES "/[0-9]/name", "\naldebaran\naldebaran\n");
    says("! command -v python3 >/dev/null && echo 3 || python3 -c \"import os; "
         "print(sum('gpu_id' in f for _, _, f in os.walk('" NODES "')))\"",
         "3\n");
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
#define TEST(name)                                                                                 \
    { #name, name }
    TEST(scandir_lists),    TEST(glob_expands),
    TEST(nftw_walks),       TEST(files_are_the_same_by_path_and_descriptor),
    TEST(other_tools_walk),
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < sizeof tests / sizeof tests[0]; i++) {
        if (!strcmp(argv[1], tests[i].name)) {
            tests[i].run();
            return 0;
        }
    }
    fprintf(stderr, "usage: %s TEST\n", argv[0]);
    return 2;
}
