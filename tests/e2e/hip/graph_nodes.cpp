/* SPDX-License-Identifier: MIT */
/// Graphs made of explicit nodes: each kind, their dependencies, parameters changed before and
/// after instantiation, clones, children, a hundred nodes, launches in several streams.
#include "hip_cases.h"

#include <atomic>

static const uint32_t COUNT = 1024;

__global__ void affine(uint32_t *values, uint32_t factor, uint32_t add) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    values[i] = values[i] * factor + add;
}

__global__ void sum_of(const uint32_t *a, const uint32_t *b, uint32_t *out) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = a[i] + b[i];
}

struct affine_node {
    uint32_t *values;
    uint32_t factor, add;
    void *arguments[3];
    hipKernelNodeParams params;

    affine_node(uint32_t *v, uint32_t f, uint32_t a) : values(v), factor(f), add(a), params{} {
        arguments[0] = &values;
        arguments[1] = &factor;
        arguments[2] = &add;
        params.func = reinterpret_cast<void *>(affine);
        params.gridDim = dim3(COUNT / 128);
        params.blockDim = dim3(128);
        params.kernelParams = arguments;
    }
    affine_node(const affine_node &) = delete;
};

static hipGraphNode_t add_affine(hipGraph_t graph, std::vector<hipGraphNode_t> after,
                                 uint32_t *values, uint32_t factor, uint32_t add) {
    hipGraphNode_t node;
    affine_node kernel(values, factor, add);
    HIP(hipGraphAddKernelNode(&node, graph, after.data(), after.size(), &kernel.params));
    return node;
}

static hipGraphExec_t instantiate(hipGraph_t graph) {
    hipGraphExec_t executable;
    HIP(hipGraphInstantiate(&executable, graph, nullptr, nullptr, 0));
    return executable;
}

static void launch(hipGraphExec_t executable, hipStream_t stream) {
    HIP(hipGraphLaunch(executable, stream));
    HIP(hipStreamSynchronize(stream));
}

static void check_all(const uint32_t *device, uint32_t (*expected)(uint32_t), const char *what) {
    const std::vector<uint32_t> seen = to_host(device, COUNT);
    for (uint32_t i = 0; i < COUNT; ++i) {
        CHECK(seen[i] == expected(i), "%s: element %u is %u, not %u", what, i, seen[i],
              expected(i));
    }
}

struct noted {
    std::atomic<uint32_t> calls{0};
    uint32_t seen = 0;
    const uint32_t *pinned = nullptr;
};

static void note(void *data) {
    noted *n = static_cast<noted *>(data);
    n->seen = n->pinned[5];
    n->calls.fetch_add(1);
}

/// host -> device copies, a memset, three kernels in a diamond, an empty node, device -> host,
/// host.
static void each_kind() {
    hipGraph_t graph;
    hipStream_t stream;
    uint32_t *a = device_array<uint32_t>(COUNT), *b = device_array<uint32_t>(COUNT);
    uint32_t *out = device_array<uint32_t>(COUNT), *pinned;
    std::vector<uint32_t> source(COUNT);
    noted n;
    HIP(hipHostMalloc(&pinned, COUNT * 4));
    HIP(hipStreamCreate(&stream));
    HIP(hipGraphCreate(&graph, 0));
    n.pinned = pinned;
    for (uint32_t i = 0; i < COUNT; ++i) {
        source[i] = i;
    }
    hipGraphNode_t copy_in, clear, left, right, join, sum, copy_out, host;
    HIP(hipGraphAddMemcpyNode1D(&copy_in, graph, nullptr, 0, a, source.data(), COUNT * 4,
                                hipMemcpyHostToDevice));
    hipMemsetParams set = {};
    set.dst = b;
    set.elementSize = 4;
    set.width = COUNT;
    set.height = 1;
    set.value = 1000;
    HIP(hipGraphAddMemsetNode(&clear, graph, nullptr, 0, &set));
    left = add_affine(graph, {copy_in}, a, 3, 1);
    right = add_affine(graph, {clear}, b, 2, 5);
    const hipGraphNode_t both[] = {left, right};
    HIP(hipGraphAddEmptyNode(&join, graph, both, 2));
    void *arguments[] = {&a, &b, &out};
    hipKernelNodeParams params = {};
    params.func = reinterpret_cast<void *>(sum_of);
    params.gridDim = dim3(COUNT / 256);
    params.blockDim = dim3(256);
    params.kernelParams = arguments;
    HIP(hipGraphAddKernelNode(&sum, graph, &join, 1, &params));
    HIP(hipGraphAddMemcpyNode1D(&copy_out, graph, &sum, 1, pinned, out, COUNT * 4,
                                hipMemcpyDeviceToHost));
    hipHostNodeParams host_params = {note, &n};
    HIP(hipGraphAddHostNode(&host, graph, &copy_out, 1, &host_params));

    size_t nodes = 0, roots = 0, edges = 0;
    hipGraphNodeType type;
    HIP(hipGraphGetNodes(graph, nullptr, &nodes));
    HIP(hipGraphGetRootNodes(graph, nullptr, &roots));
    HIP(hipGraphGetEdges(graph, nullptr, nullptr, &edges));
    CHECK(nodes == 8 && roots == 2 && edges == 7, "%zu nodes, %zu roots, %zu edges", nodes, roots,
          edges);
    HIP(hipGraphNodeGetType(host, &type));
    CHECK(type == hipGraphNodeTypeHost, "type %d", type);
    for (uint32_t round = 1; round <= 4; ++round) {
        // HIP 5.2 enqueues a host node's first command again when an instance is launched again.
        hipGraphExec_t executable = instantiate(graph);
        source[5] = round * 100;
        launch(executable, stream);
        HIP(hipDeviceSynchronize());
        CHECK(n.calls == round, "%u calls", n.calls.load());
        CHECK(n.seen == round * 300 + 2006, "the host function saw %u", n.seen);
        CHECK(pinned[COUNT - 1] == (COUNT - 1) * 3 + 2006, "%u", pinned[COUNT - 1]);
        HIP(hipGraphExecDestroy(executable));
    }
    HIP(hipGraphDestroy(graph));
    HIP(hipStreamDestroy(stream));
}

/// A pitched copy of a box, and a two-dimensional memset.
static void boxes() {
    const size_t width = 40, height = 9;
    hipGraph_t graph;
    hipGraphNode_t set_node, copy_node;
    char *device;
    size_t pitch;
    std::vector<char> seen(width * height, 0);
    HIP(hipMallocPitch(reinterpret_cast<void **>(&device), &pitch, width, height));
    HIP(hipMemset(device, 3, pitch * height));
    HIP(hipGraphCreate(&graph, 0));
    hipMemsetParams set = {};
    set.dst = device + pitch;
    set.elementSize = 1;
    set.width = width / 2;
    set.height = height - 2;
    set.pitch = pitch;
    set.value = 1; // HIP 5.2 fills boxes with elementSize
    HIP(hipGraphAddMemsetNode(&set_node, graph, nullptr, 0, &set));
    hipMemcpy3DParms copy = {};
    copy.srcPtr = make_hipPitchedPtr(device, pitch, width, height);
    copy.dstPtr = make_hipPitchedPtr(seen.data(), width, width, height);
    copy.extent = make_hipExtent(width, height, 1);
    copy.kind = hipMemcpyDeviceToHost;
    HIP(hipGraphAddMemcpyNode(&copy_node, graph, &set_node, 1, &copy));
    hipGraphExec_t executable = instantiate(graph);
    launch(executable, nullptr);
    for (size_t y = 0; y < height; ++y) {
        for (size_t x = 0; x < width; ++x) {
            const bool inside = y >= 1 && y < height - 1 && x < width / 2;
            CHECK(seen[y * width + x] == (inside ? 1 : 3), "(%zu, %zu) is %d", x, y,
                  seen[y * width + x]);
        }
    }
    HIP(hipGraphExecDestroy(executable));
    HIP(hipGraphDestroy(graph));
    HIP(hipFree(device));
}

/// A hundred kernels that only one order of execution explains.
static void hundred() {
    hipGraph_t graph;
    hipStream_t stream;
    uint32_t *chain = device_array<uint32_t>(COUNT), expected = 0;
    HIP(hipMemset(chain, 0, COUNT * 4));
    HIP(hipStreamCreate(&stream));
    HIP(hipGraphCreate(&graph, 0));
    std::vector<hipGraphNode_t> last;
    for (uint32_t k = 0; k < 100; ++k) {
        last = {add_affine(graph, last, chain, 3, k)};
    }
    hipGraphExec_t executable = instantiate(graph);
    for (uint32_t round = 1; round <= 3; ++round) {
        launch(executable, stream);
        for (uint32_t k = 0; k < 100; ++k) {
            expected = expected * 3 + k;
        }
        const std::vector<uint32_t> seen = to_host(chain, COUNT);
        CHECK(seen[0] == expected && seen[COUNT - 1] == expected, "round %u: %u", round, seen[0]);
    }
    HIP(hipGraphExecDestroy(executable));
    HIP(hipGraphDestroy(graph));
    HIP(hipStreamDestroy(stream));
    HIP(hipFree(chain));
}

/// Fifty kernels without an edge between them.
static void parallel() {
    if (environment_is("AMD_DIRECT_DISPATCH", "0")) {
        return; // there HIP 5.2 waits for a marker of the previous launch that it never enqueues
    }
    const uint32_t nodes = 50;
    hipGraph_t graph;
    hipStream_t stream;
    uint32_t *values = device_array<uint32_t>(COUNT * nodes);
    HIP(hipMemset(values, 0, COUNT * nodes * 4));
    HIP(hipStreamCreate(&stream));
    HIP(hipGraphCreate(&graph, 0));
    for (uint32_t k = 0; k < nodes; ++k) {
        add_affine(graph, {}, values + COUNT * k, 1, k + 1);
    }
    hipGraphExec_t executable = instantiate(graph);
    for (uint32_t round = 1; round <= 3; ++round) {
        launch(executable, stream);
        HIP(hipDeviceSynchronize());
        const std::vector<uint32_t> seen = to_host(values, COUNT * nodes);
        for (uint32_t i = 0; i < COUNT * nodes; ++i) {
            CHECK(seen[i] == (i / COUNT + 1) * round, "element %u: %u", i, seen[i]);
        }
    }
    HIP(hipGraphExecDestroy(executable));
    HIP(hipGraphDestroy(graph));
    HIP(hipStreamDestroy(stream));
    HIP(hipFree(values));
}

/// Parameters set on the graph count for later instances; set on an instance, for that one.
static void parameters() {
    hipGraph_t graph;
    uint32_t *values = device_array<uint32_t>(COUNT);
    HIP(hipMemset(values, 0, COUNT * 4));
    HIP(hipGraphCreate(&graph, 0));
    hipGraphNode_t node = add_affine(graph, {}, values, 1, 1);
    hipGraphExec_t first = instantiate(graph);
    affine_node ten(values, 1, 10), hundred_more(values, 1, 100);
    HIP(hipGraphKernelNodeSetParams(node, &ten.params));
    hipGraphExec_t second = instantiate(graph);
    launch(first, nullptr);
    launch(second, nullptr);
    check_all(
        values, [](uint32_t) { return 11u; }, "two instances");
    HIP(hipGraphExecKernelNodeSetParams(first, node, &hundred_more.params));
    launch(first, nullptr);
    launch(second, nullptr);
    check_all(
        values, [](uint32_t) { return 121u; }, "one instance changed");
    hipKernelNodeParams seen = {};
    HIP(hipGraphKernelNodeGetParams(node, &seen));
    CHECK(seen.gridDim.x == COUNT / 128 && seen.blockDim.x == 128, "%u x %u", seen.gridDim.x,
          seen.blockDim.x);
    HIP(hipGraphExecDestroy(first));
    HIP(hipGraphExecDestroy(second));
    HIP(hipGraphDestroy(graph));
    HIP(hipFree(values));
}

/// hipGraphExecUpdate takes a graph of the same shape and refuses one of another.
static void update() {
    hipGraph_t graph, same, other;
    uint32_t *values = device_array<uint32_t>(COUNT);
    HIP(hipMemset(values, 0, COUNT * 4));
    HIP(hipGraphCreate(&graph, 0));
    HIP(hipGraphCreate(&same, 0));
    HIP(hipGraphCreate(&other, 0));
    add_affine(graph, {add_affine(graph, {}, values, 1, 1)}, values, 2, 0);
    add_affine(same, {add_affine(same, {}, values, 1, 5)}, values, 3, 0);
    add_affine(other, {}, values, 1, 5);
    hipGraphExec_t executable = instantiate(graph);
    hipGraphNode_t culprit;
    hipGraphExecUpdateResult result;
    launch(executable, nullptr);
    check_all(
        values, [](uint32_t) { return 2u; }, "before");
    HIP(hipGraphExecUpdate(executable, same, &culprit, &result));
    CHECK(result == hipGraphExecUpdateSuccess, "result %d", result);
    launch(executable, nullptr);
    check_all(
        values, [](uint32_t) { return 21u; }, "updated");
    CHECK(hipGraphExecUpdate(executable, other, &culprit, &result) != hipSuccess, "other shape");
    CHECK(result != hipGraphExecUpdateSuccess, "result %d", result);
    (void)hipGetLastError();
    HIP(hipGraphExecDestroy(executable));
    for (hipGraph_t each : {graph, same, other}) {
        HIP(hipGraphDestroy(each));
    }
    HIP(hipFree(values));
}

/// A clone lives on when its original is gone; a child graph runs where its node stands.
static void clone_and_child() {
    hipGraph_t parent, child, clone;
    hipGraphNode_t node, inside, found;
    uint32_t *values = device_array<uint32_t>(COUNT);
    HIP(hipMemset(values, 0, COUNT * 4));
    HIP(hipGraphCreate(&parent, 0));
    HIP(hipGraphCreate(&child, 0));
    inside = add_affine(child, {}, values, 2, 1);
    add_affine(child, {inside}, values, 2, 1);
    hipGraphNode_t before = add_affine(parent, {}, values, 1, 4);
    HIP(hipGraphAddChildGraphNode(&node, parent, &before, 1, child));
    hipGraphNode_t after = add_affine(parent, {node}, values, 10, 0);
    HIP(hipGraphClone(&clone, parent));
    HIP(hipGraphNodeFindInClone(&found, after, clone));
    CHECK(found != nullptr && found != after, "the clone's node");
    HIP(hipGraphDestroy(child));
    hipGraphExec_t original = instantiate(parent), copied = instantiate(clone);
    launch(original, nullptr);
    check_all(
        values, [](uint32_t) { return 190u; }, "original");
    HIP(hipGraphExecDestroy(original));
    HIP(hipGraphDestroy(parent));
    launch(copied, nullptr);
    check_all(
        values, [](uint32_t) { return ((190u + 4) * 4 + 3) * 10; }, "clone");
    HIP(hipGraphExecDestroy(copied));
    HIP(hipGraphDestroy(clone));
    HIP(hipFree(values));
}

/// Event nodes: another stream waits for what a graph records, a graph for what a stream records.
static void event_nodes() {
    hipGraph_t graph;
    hipStream_t stream, other;
    hipEvent_t recorded, awaited;
    hipGraphNode_t wait_node, record_node;
    uint32_t *values = device_array<uint32_t>(COUNT);
    HIP(hipMemset(values, 0, COUNT * 4));
    HIP(hipDeviceSynchronize());
    HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
    HIP(hipStreamCreateWithFlags(&other, hipStreamNonBlocking));
    HIP(hipEventCreate(&recorded));
    HIP(hipEventCreate(&awaited));
    HIP(hipGraphCreate(&graph, 0));
    HIP(hipGraphAddEventWaitNode(&wait_node, graph, nullptr, 0, awaited));
    hipGraphNode_t kernel = add_affine(graph, {wait_node}, values, 3, 1);
    HIP(hipGraphAddEventRecordNode(&record_node, graph, &kernel, 1, recorded));
    hipGraphExec_t executable = instantiate(graph);
    uint32_t expected = 0;
    for (uint32_t round = 0; round < 10; ++round) {
        affine<<<COUNT / 128, 128, 0, other>>>(values, 2, round);
        HIP(hipEventRecord(awaited, other));
        HIP(hipGraphLaunch(executable, stream));
        HIP(hipStreamWaitEvent(other, recorded, 0));
        expected = (expected * 2 + round) * 3 + 1;
    }
    HIP(hipDeviceSynchronize());
    const std::vector<uint32_t> seen = to_host(values, COUNT);
    CHECK(seen[0] == expected && seen[COUNT - 1] == expected, "%u, not %u", seen[0], expected);
    HIP(hipEventQuery(recorded));
    HIP(hipGraphExecDestroy(executable));
    HIP(hipGraphDestroy(graph));
    HIP(hipStreamDestroy(stream));
    HIP(hipStreamDestroy(other));
    HIP(hipEventDestroy(recorded));
    HIP(hipEventDestroy(awaited));
    HIP(hipFree(values));
}

/// One instance launched again and again without waiting, then in stream after stream.
static void several_streams() {
    hipGraph_t graph;
    hipStream_t streams[6];
    uint32_t *values = device_array<uint32_t>(COUNT);
    uint32_t expected = 0;
    HIP(hipMemset(values, 0, COUNT * 4));
    HIP(hipGraphCreate(&graph, 0));
    add_affine(graph, {add_affine(graph, {}, values, 3, 1)}, values, 5, 2);
    hipGraphExec_t executable = instantiate(graph);
    for (hipStream_t &stream : streams) {
        HIP(hipStreamCreate(&stream));
        for (int k = 0; k < 20; ++k) {
            HIP(hipGraphLaunch(executable, stream));
            expected = (expected * 3 + 1) * 5 + 2;
        }
        HIP(hipStreamSynchronize(stream));
    }
    const std::vector<uint32_t> seen = to_host(values, COUNT);
    CHECK(seen[0] == expected && seen[COUNT - 1] == expected, "%u, not %u", seen[0], expected);
    HIP(hipGraphExecDestroy(executable));
    HIP(hipGraphDestroy(graph));
    for (hipStream_t stream : streams) {
        HIP(hipStreamDestroy(stream));
    }
    HIP(hipFree(values));
}

int main(int argc, char **argv) {
    static const hip_case cases[] = {
        {"each_kind", each_kind},
        {"boxes", boxes},
        {"hundred", hundred},
        {"parallel", parallel},
        {"parameters", parameters},
        {"update", update},
        {"clone_and_child", clone_and_child},
        {"event_nodes", event_nodes},
        {"several_streams", several_streams},
    };
    return run_cases(cases, argc, argv);
}
