/* SPDX-License-Identifier: MIT */
/// Many processes, each with a GPU of its own: at once, born by fork before and after the parent
/// opened its GPU, in long lines of descent, in storms beside running kernels, by vfork,
/// posix_spawn and system(), as daemons, and killed in the middle of a kernel.
#include "e2e.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char self[4096];

static void compute(const struct e2e *e2e, int times) {
    hsa_queue_t *queue = e2e_queue(e2e, 64);
    for (int i = 0; i < times; ++i) {
        e2e_vector_add(e2e, queue, 2000);
    }
    HSA(hsa_queue_destroy(queue));
}

static int work(int times) {
    struct e2e e2e;
    e2e_open(&e2e);
    compute(&e2e, times);
    e2e_close();
    return 0;
}

static pid_t child_of_fork(void (*body)(void)) {
    const pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        body();
        _exit(0);
    }
    return pid;
}

static void expect_success(pid_t pid, const char *what) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "%s: status 0x%x", what, (unsigned)status);
}

static void work_once(void) {
    work(1);
}

static void work_longer(void) {
    work(20);
}

static void eight_at_once(void) {
    pid_t pids[8];
    for (int i = 0; i < 8; ++i) {
        pids[i] = child_of_fork(work_longer);
    }
    for (int i = 0; i < 8; ++i) {
        expect_success(pids[i], "one of eight");
    }
}

/// Each generation opens a GPU and has one child.
static void descend(int generations) {
    struct e2e e2e;
    e2e_open(&e2e);
    compute(&e2e, 1);
    if (generations > 0) {
        const pid_t pid = fork();
        CHECK(pid >= 0, "fork");
        if (pid == 0) {
            // The child's copy of the runtime is of no use; it has to become a new program.
            char argument[32];
            snprintf(argument, sizeof argument, "descend %d", generations - 1);
            execl(self, self, argument, (char *)NULL);
            _exit(126);
        }
        expect_success(pid, "a descendant");
        compute(&e2e, 1);
    }
    e2e_close();
}

/// Opens the device file in each generation of one line of forks, without exec, and asks the driver
/// its version.
static void open_devices(int generations) {
    struct {
        uint32_t major, minor;
    } version = {0, 0};
    FILE *kfd = fopen("/dev/kfd", "r+e");
    CHECK(kfd, "generation %d: /dev/kfd: %s", generations, strerror(errno));
    CHECK(ioctl(fileno(kfd), _IOR('K', 1, version), &version) == 0 && version.major == 1,
          "generation %d: %s", generations, strerror(errno));
    if (generations > 0) {
        const pid_t pid = fork();
        CHECK(pid >= 0, "fork");
        if (pid == 0) {
            // What it inherited answers as amdkfd does to another process than the opener's.
            CHECK(ioctl(fileno(kfd), _IOR('K', 1, version), &version) < 0 && errno == EBADF,
                  "an inherited file answered");
            open_devices(generations - 1);
            _exit(0);
        }
        expect_success(pid, "a generation that opens the device");
    }
    fclose(kfd);
}

static void init_again(void) {
    // ROCr counts itself initialized; the thunk below it knows that the process is another.
    hsa_init();
}

static volatile bool storm_over;

static void *storm(void *argument) {
    (void)argument;
    for (int i = 0; i < 60; ++i) {
        const pid_t pid = fork();
        CHECK(pid >= 0, "fork");
        if (pid == 0) {
            _exit(0);
        }
        expect_success(pid, "a child of the storm");
    }
    storm_over = true;
    return NULL;
}

static void forks_beside_kernels(const struct e2e *e2e) {
    pthread_t threads[2];
    for (int i = 0; i < 2; ++i) {
        CHECK(pthread_create(&threads[i], NULL, storm, NULL) == 0, "thread");
    }
    do {
        compute(e2e, 4);
    } while (!storm_over);
    for (int i = 0; i < 2; ++i) {
        pthread_join(threads[i], NULL);
    }
    compute(e2e, 1);
}

static void other_ways_to_have_children(const struct e2e *e2e) {
    char *arguments[] = {self, "work", NULL};
    pid_t pid;
    CHECK(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0, "posix_spawn");
    compute(e2e, 3);
    expect_success(pid, "posix_spawn");

    pid = vfork();
    if (pid == 0) {
        // What launchers do between vfork and exec.
        for (int fd = 3; fd < 1024; ++fd) {
            close(fd);
        }
        execv(self, arguments);
        _exit(126);
    }
    expect_success(pid, "vfork");
    compute(e2e, 1);

    char command[4200];
    snprintf(command, sizeof command, "'%s' work && exit 7", self);
    const int status = system(command);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "system: 0x%x", (unsigned)status);
    compute(e2e, 1);
}

/// As daemon(3): twice forked, in a session of its own, without the files that were open.
static void become_daemon(void) {
    int done[2];
    CHECK(pipe(done) == 0, "pipe");
    const pid_t pid = fork();
    if (pid == 0) {
        setsid();
        if (fork() == 0) {
            CHECK(chdir("/") == 0, "chdir");
            for (int fd = 3; fd < 1024; ++fd) {
                if (fd != done[1]) {
                    close(fd);
                }
            }
            work(2);
            const char ok = 'y';
            _exit(write(done[1], &ok, 1) != 1);
        }
        _exit(0);
    }
    close(done[1]);
    char answer = 'n';
    CHECK(read(done[0], &answer, 1) == 1 && answer == 'y', "the daemon failed");
    close(done[0]);
    expect_success(pid, "the daemon's parent");
}

/// Files in /dev/shm that the child has mapped when it is killed. Those of the thunk don't count
/// (hsakmt_shared_mem and its semaphore, which it keeps on every machine).
static char left[4096];

static void note_shared_memory(int pid) {
    char path[64], line[4096];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "r");
    CHECK(maps, "%s", path);
    while (fgets(line, sizeof line, maps)) {
        const char *name = strstr(line, "/dev/shm/");
        if (name && !strstr(name, "hsakmt") && !strstr(name, "(deleted)"))
            snprintf(left, sizeof left, "%.*s", (int)strcspn(name, "\n"), name);
    }
    fclose(maps);
}

/// As a child: a kernel that computes for hours.
static int hang(void) {
    struct e2e e2e;
    struct e2e_kernel kernel;
    struct {
        uint32_t *done;
        uint32_t rounds;
        uint32_t *sink;
    } * args;
    e2e_open(&e2e);
    e2e_kernel(&e2e, "progress", &kernel);
    hsa_queue_t *queue = e2e_queue(&e2e, 64);
    args = e2e_alloc(&e2e, e2e.kernarg, 4096);
    args->done = e2e_alloc(&e2e, e2e.host, 4096);
    args->rounds = UINT32_MAX;
    args->sink = e2e_alloc(&e2e, e2e.host, 4096);
    e2e_dispatch(queue, &kernel, 256, 64, args, e2e_signal(1));
    fprintf(stderr, "the kernel runs\n");
    while (pause() != 0)
        ;
    return 0;
}

static void kill_it(int pid) {
    note_shared_memory(pid);
    kill(pid, SIGKILL);
}

static void a_kill_leaves_nothing(void) {
    struct e2e_child result;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    e2e_child("hang", 30, "the kernel runs", kill_it, &result);
    CHECK(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGKILL, "status 0x%x: %s",
          (unsigned)result.status, result.output);
    CHECK(left[0] == '\0' || access(left, F_OK) != 0, "%s was left", left);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a process was left");
}

int main(int argc, char **argv) {
    int generations;
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0, "/proc/self/exe");
    if (argc > 1 && sscanf(argv[1], "descend %d", &generations) == 1) {
        descend(generations);
        return 0;
    }
    if (argc > 1) {
        return strcmp(argv[1], "hang") == 0 ? hang() : work(1);
    }
    eight_at_once();
    expect_success(child_of_fork(work_once), "forked before hsa_init");
    open_devices(20);
    become_daemon();
    a_kill_leaves_nothing();

    struct e2e e2e;
    e2e_open(&e2e);
    compute(&e2e, 1);
    int status;
    const pid_t pid = child_of_fork(init_again);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "hsa_init in a child: 0x%x",
          (unsigned)status);
    compute(&e2e, 1);
    forks_beside_kernels(&e2e);
    other_ways_to_have_children(&e2e);
    descend(3);
    e2e_close();
    return 0;
}
