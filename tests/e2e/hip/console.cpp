/* SPDX-License-Identifier: MIT */
/// What kernels print: each conversion, long texts, thousands of work-items, several streams. And
/// how they die: assert, abort and trap end the program, and what was printed before is not lost.
#include "hip_cases.h"

#include <algorithm>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

/// HIP 5.2 takes the printed length of a %s for the text's own, in words of 8 bytes; so widths and
/// precisions here keep to the same word.
__global__ void conversions() {
    printf("%d|%i|%u|%o|%x|%X|%#x|%+d|%05d|%-6d|\n", -42, 42, 4000000000u, 8, 0xbeef, 0xbeef, 255,
           7, 42, 17);
    printf("%ld|%lld|%llu|%hhd|%hd|%zu|\n", -5000000000l, -1234567890123456789ll,
           18446744073709551615ull, static_cast<char>(44), static_cast<short>(4464),
           static_cast<size_t>(99));
    printf("%f|%.3f|%10.2f|%e|%g|%G|%a|\n", 1.5, 3.14159, -2.5, 12345.678, 0.0001, 1e20, 1.0);
    printf("%c%c|%s|%7s|%-7s|%.3s|%%|\n", 'o', 'k', "text", "right", "left", "short");
    printf("%*d|%.*f|%-*s|\n", 8, 5, 2, 2.71828, 6, "ab");
    printf("%p|\n", reinterpret_cast<void *>(0x1234));
    printf("no arguments\n");
    printf("%s", "");
    printf("%d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d\n", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
           12, 13, 14, 15, 16);
}

static const char expected_conversions[] =
    "-42|42|4000000000|10|beef|BEEF|0xff|+7|00042|17    |\n"
    "-5000000000|-1234567890123456789|18446744073709551615|44|4464|99|\n"
    "1.500000|3.142|     -2.50|1.234568e+04|0.0001|1E+20|0x1p+0|\n"
    "ok|text|  right|left   |sho|%|\n"
    "       5|2.72|ab    |\n"
    "0x1234|\n"
    "no arguments\n"
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";

__global__ void say_length(const char *text, int *lengths) {
    lengths[threadIdx.x] = printf("%s<%d>\n", text, static_cast<int>(threadIdx.x));
}

__global__ void say(int stream) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i % 3 != 1) { // diverged
        printf("stream %d item %d half %.1f\n", stream, i, i * 0.5);
    }
}

/// What the body writes to the standard output.
template <typename F> static std::string output_of(F body) {
    FILE *file = tmpfile();
    CHECK(file, "tmpfile");
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    body();
    HIP(hipDeviceSynchronize());
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    std::string text;
    char part[4096];
    rewind(file);
    for (size_t count; (count = fread(part, 1, sizeof part, file)) > 0;) {
        text.append(part, count);
    }
    fclose(file);
    return text;
}

static std::vector<std::string> sorted_lines(const std::string &text) {
    std::vector<std::string> lines;
    for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
        end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

static void every_conversion() {
    const std::string seen = output_of([] { conversions<<<1, 1>>>(); });
    CHECK(seen == expected_conversions, "printed\n%s", seen.c_str());
}

static void long_texts() {
    std::string text(3000, '-');
    for (size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>('a' + i * 7 % 26);
    }
    char *device = to_device(std::vector<char>(text.c_str(), text.c_str() + text.size() + 1));
    int *lengths = device_array<int>(4);
    const std::string seen = output_of([&] { say_length<<<1, 4>>>(device, lengths); });
    const std::vector<std::string> lines = sorted_lines(seen);
    CHECK(lines.size() == 4, "%zu lines", lines.size());
    for (size_t i = 0; i < 4; ++i) {
        CHECK(lines[i] == text + "<" + std::to_string(i) + ">", "%s", lines[i].c_str());
        CHECK(to_host(lengths, 4)[i] == 3004, "printf returned %d", to_host(lengths, 4)[i]);
    }
    HIP(hipFree(device));
    HIP(hipFree(lengths));
}

static void expect_said(const std::string &seen, int streams, int items) {
    std::vector<std::string> wanted;
    char line[100];
    for (int s = 0; s < streams; ++s) {
        for (int i = 0; i < items; ++i) {
            if (i % 3 != 1) {
                snprintf(line, sizeof line, "stream %d item %d half %.1f", s, i, i * 0.5);
                wanted.push_back(line);
            }
        }
    }
    std::sort(wanted.begin(), wanted.end());
    const std::vector<std::string> lines = sorted_lines(seen);
    CHECK(lines.size() == wanted.size(), "%zu lines, not %zu", lines.size(), wanted.size());
    for (size_t i = 0; i < lines.size(); ++i) {
        CHECK(lines[i] == wanted[i], "'%s', not '%s'", lines[i].c_str(), wanted[i].c_str());
    }
}

static void many_work_items() {
    expect_said(output_of([] { say<<<8, 250>>>(0); }), 1, 2000);
}

/// Each stream prints before the next one first does: HIP 5.2 listens only to the queue whose first
/// kernel that might print came last.
static void several_streams() {
    hipStream_t streams[3];
    const std::string seen = output_of([&] {
        for (int s = 0; s < 3; ++s) {
            HIP(hipStreamCreate(&streams[s]));
            say<<<2, 64, 0, streams[s]>>>(s);
            HIP(hipStreamSynchronize(streams[s]));
        }
    });
    expect_said(seen, 3, 128);
    for (hipStream_t stream : streams) {
        HIP(hipStreamDestroy(stream));
    }
}

/// The streams print in turn, over and over: only where one queue serves all of them, see above.
static void streams_in_turn() {
    if (!environment_is("GPU_MAX_HW_QUEUES", "1")) {
        return;
    }
    hipStream_t streams[3];
    for (hipStream_t &stream : streams) {
        HIP(hipStreamCreate(&stream));
    }
    const std::string seen = output_of([&] {
        for (int s = 0; s < 9; ++s) {
            say<<<1, 64, 0, streams[s % 3]>>>(s);
        }
    });
    expect_said(seen, 9, 64);
    for (hipStream_t stream : streams) {
        HIP(hipStreamDestroy(stream));
    }
}

static const char *program;

__global__ void assert_small(const int *values) {
    printf("item %d checks\n", static_cast<int>(threadIdx.x));
    __syncthreads();
    assert(values[threadIdx.x] < 5 && "values are small");
}

__global__ void give_up(int how) {
    printf("giving up\n");
    if (how == 1) {
        abort();
    }
    __builtin_trap();
}

/// Runs this program again with a last word instead of cases. Its two outputs and how it ended.
static std::string dying(const char *how, int *status) {
    int ends[2];
    CHECK(pipe(ends) == 0, "pipe");
    const pid_t child = fork();
    CHECK(child >= 0, "fork");
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(program, program, "die", how, static_cast<char *>(nullptr));
        _exit(99);
    }
    close(ends[1]);
    std::string text;
    char part[4096];
    for (ssize_t count; (count = read(ends[0], part, sizeof part)) > 0;) {
        text.append(part, static_cast<size_t>(count));
    }
    close(ends[0]);
    CHECK(waitpid(child, status, 0) == child, "waitpid");
    return text;
}

static int die(const char *how) {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    if (strcmp(how, "assert") == 0) {
        assert_small<<<1, 6>>>(to_device(std::vector<int>{0, 1, 2, 3, 4, 5}));
    } else {
        give_up<<<1, 1>>>(strcmp(how, "abort") == 0);
    }
    const hipError_t error = hipDeviceSynchronize();
    fprintf(stderr, "survived: %s\n", hipGetErrorName(error));
    return 3;
}

/// What HIP says of a queue that a trap has stopped.
static const char TRAPPED[] = "HSA_STATUS_ERROR_EXCEPTION";

static void failed_assertion() {
    int status;
    const std::string text = dying("assert", &status);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status 0x%x: %s", status,
          text.c_str());
    CHECK(text.find(TRAPPED) != std::string::npos, "no trap: %s", text.c_str());
    CHECK(text.find("console.cpp") != std::string::npos, "no file: %s", text.c_str());
    CHECK(text.find("assert_small") != std::string::npos, "no function: %s", text.c_str());
    CHECK(text.find("values[threadIdx.x] < 5 && \"values are small\"") != std::string::npos,
          "no condition: %s", text.c_str());
    for (int i = 0; i < 6; ++i) {
        const std::string line = "item " + std::to_string(i) + " checks\n";
        CHECK(text.find(line) != std::string::npos, "no '%s': %s", line.c_str(), text.c_str());
    }
}

static void abort_and_trap() {
    for (const char *how : {"abort", "trap"}) {
        int status;
        const std::string text = dying(how, &status);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s: status 0x%x: %s", how,
              status, text.c_str());
        CHECK(text.find(TRAPPED) != std::string::npos, "%s: no trap: %s", how, text.c_str());
        CHECK(text.find("giving up\n") != std::string::npos, "%s: %s", how, text.c_str());
    }
}

int main(int argc, char **argv) {
    program = "/proc/self/exe";
    if (argc == 3 && strcmp(argv[1], "die") == 0) {
        return die(argv[2]);
    }
    static const hip_case cases[] = {
        {"every_conversion", every_conversion}, {"long_texts", long_texts},
        {"many_work_items", many_work_items},   {"several_streams", several_streams},
        {"streams_in_turn", streams_in_turn},   {"failed_assertion", failed_assertion},
        {"abort_and_trap", abort_and_trap},
    };
    return run_cases(cases, argc, argv);
}
