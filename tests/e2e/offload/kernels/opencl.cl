/* SPDX-License-Identifier: MIT */
/* OpenCL C as AMD's OpenCL runtime would hand it to a queue. Every kernel takes the same three
 * arguments; all but work_items write one word for each work-item, which opencl_want.c computes
 * again. */
#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
#pragma OPENCL EXTENSION cl_khr_int64_base_atomics : enable

#define GROUP 128
#define KERNEL(name)                                                                               \
    kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void name(                           \
        global uint *out, global const uint *in, uint count)

/* Three dimensions with a smaller last group in each; no required size. */
kernel void work_items(global uint *out, global const uint *in, uint count) {
    size_t width = get_global_size(0), height = get_global_size(1);
    size_t x = get_global_id(0) - get_global_offset(0), y = get_global_id(1) - get_global_offset(1),
           z = get_global_id(2) - get_global_offset(2);
    uint sizes = get_local_size(0) | get_local_size(1) << 4 | get_local_size(2) << 8;
    uint ids = get_local_id(0) | get_local_id(1) << 4 | get_local_id(2) << 8;
    uint groups = get_group_id(0) | get_group_id(1) << 2 | get_group_id(2) << 4 |
                  get_num_groups(0) << 6 | get_num_groups(1) << 8 | get_num_groups(2) << 10;
    global uint *mine = out + 4 * ((z * height + y) * width + x);
    mine[0] = sizes;
    mine[1] = ids;
    mine[2] = groups;
    mine[3] = get_global_offset(0) + 10 * get_global_offset(1) + 100 * get_global_offset(2) +
              1000 * get_work_dim();
}

KERNEL(local_reverse) {
    local uint tile[GROUP];
    tile[get_local_id(0)] = in[get_global_id(0)];
    barrier(CLK_LOCAL_MEM_FENCE);
    out[get_global_id(0)] = tile[GROUP - 1 - get_local_id(0)];
}

/* At -O0 LLVM 15 can't compile the library's versions of these for other processors. */
#ifdef __OPTIMIZE__
KERNEL(group_functions) {
    uint value = in[get_global_id(0)] & 0xff;
    uint sum = work_group_reduce_add(value), most = work_group_reduce_max(value);
    uint before = work_group_scan_exclusive_add(value);
    uint fifth = work_group_broadcast(value, 5);
    uint all = work_group_all(value < 256), any = work_group_any(value == 256);
    out[get_global_id(0)] = sum + 3 * most + 5 * before + 7 * fifth + (all << 30) + (any << 31);
}

KERNEL(sub_groups) {
    uint value = in[get_global_id(0)] & 0xffff;
    uint sum = sub_group_reduce_add(value), upto = sub_group_scan_inclusive_add(value);
    uint third = sub_group_broadcast(value, 3);
    uint where = get_sub_group_local_id() + 100 * get_sub_group_id() +
                 1000 * get_sub_group_size() + 100000 * get_num_sub_groups();
    out[get_global_id(0)] = sum + 3 * upto + 5 * third + 7 * where;
}
#endif

KERNEL(local_atomics) {
    local atomic_uint sum;
    local uint most, least, bits;
    local atomic_ulong wide;
    if (get_local_id(0) == 0) {
        atomic_init(&sum, 0);
        atomic_init(&wide, 0);
        most = 0;
        least = UINT_MAX;
        bits = 0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    uint value = in[get_global_id(0)];
    atomic_fetch_add_explicit(&sum, value & 0xff, memory_order_relaxed, memory_scope_work_group);
    atomic_fetch_add_explicit(&wide, (ulong)value << 20, memory_order_acq_rel,
                              memory_scope_work_group);
    atomic_max(&most, value);
    atomic_min(&least, value);
    atomic_xor(&bits, value);
    barrier(CLK_LOCAL_MEM_FENCE);
    ulong total = atomic_load(&wide);
    out[get_global_id(0)] =
        atomic_load(&sum) + 3 * most + 5 * least + 7 * bits + 11 * (uint)(total >> 20);
}

/* Behind the results lie a ticket counter, and a cell that each work-item adds to by exchange. */
KERNEL(global_atomics) {
    volatile global atomic_uint *ticket = (volatile global atomic_uint *)(out + count);
    volatile global uint *cell = out + count + 1;
    uint mine = atomic_fetch_add_explicit(ticket, 1, memory_order_relaxed, memory_scope_device);
    uint seen = *cell;
    for (;;) {
        uint found = atomic_cmpxchg(cell, seen, seen + in[get_global_id(0)]);
        if (found == seen)
            break;
        seen = found;
    }
    out[mine] = 1;
}

KERNEL(vectors) {
    size_t i = get_global_id(0);
    float4 a = convert_float4(vload4(i % (count / 4), in) & 0xff);
    float16 wide = (float16)(a, a + 1, a * 2, a - 3);
    wide.even += wide.odd;
    float4 mixed = shuffle2(a, wide.s89ab, (uint4)(7, 0, 5, 2));
    float3 triple = a.xyz * (float3)(1, 2, 3);
    int4 less = a < mixed;
    float4 chosen = select(a, mixed, less);
    float sum = dot(chosen, (float4)(1)) + triple.x + triple.y + triple.z + wide.s0 + wide.sf;
    uchar4 bytes = convert_uchar4_sat_rte(chosen * 3.5f);
    out[i] = (uint)sum + as_uint(bytes) + (any(less) ? 1u << 31 : 0);
}

KERNEL(integers) {
    uint a = in[get_global_id(0)], b = a * 2654435761u + 1;
    uint result = mul_hi(a, b) ^ rotate(a, b & 31) ^ (clz(a | 1) + popcount(b));
    result += hadd(a, b) + rhadd(a, b) + abs_diff(a, b) + add_sat(a, b) + sub_sat(a, b);
    result ^= mad24((int)(a & 0xfff), (int)(b & 0xfff), 77) + bitselect(a, b, 0x0f0f0f0fu);
    ulong wide = ((ulong)a << 32 | b) / ((b >> 8) + 1);
    long low = (long)(int)a % ((int)(b & 0xff) + 3);
    result += (uint)wide ^ (uint)(wide >> 32) ^ (uint)low;
    out[get_global_id(0)] = result + (uint)mul_hi((long)a << 20, (long)b << 20);
}

KERNEL(halves) {
    uint a = in[get_global_id(0)];
    half x = (half)(a & 0xff) * 0.25h, y = (half)(a >> 8 & 0xff) * 0.5h;
    half2 pair = (half2)(x, y) + (half2)(1.0h, 2.0h);
    vstore_half(vload_half(0, (half *)&pair) + 0.5f, 0, (half *)&pair);
    half q = fma(pair.x, 2.0h, pair.y);
    out[get_global_id(0)] = as_ushort(q) | (uint)as_ushort(pair.x) << 16;
}

KERNEL(doubles) {
    double x = in[get_global_id(0)] * 0x1p-20 + 0.5;
    double y = fma(x, x, -1.0) / sqrt(x) + floor(x) - rint(x * 0.5) + fmin(x, 3.0);
    ulong bits = as_ulong(y);
    out[get_global_id(0)] = (uint)bits ^ (uint)(bits >> 32);
}

KERNEL(async_copies) {
    local uint tile[GROUP], strided[GROUP / 2];
    size_t first = get_group_id(0) * GROUP;
    event_t event = async_work_group_copy(tile, in + first, GROUP, 0);
    event = async_work_group_strided_copy(strided, in + first, GROUP / 2, 2, event);
    wait_group_events(1, &event);
    uint me = get_local_id(0);
    uint sum = tile[(me + 1) % GROUP] + strided[me / 2];
    barrier(CLK_LOCAL_MEM_FENCE);
    tile[me] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    event = async_work_group_copy(out + first, tile, GROUP, 0);
    wait_group_events(1, &event);
}

constant uint squares[8] = {0, 1, 4, 9, 16, 25, 36, 49};
global uint program_scope = 1000;

static __attribute__((noinline)) uint through(const uint *generic_pointer, int depth) {
    return depth ? through(generic_pointer, depth - 1) + 1 : *generic_pointer;
}

/* Pointers that don't know their address space: global, local and private by turns. */
KERNEL(generic_pointers) {
    local uint tile[GROUP];
    uint own[4], me = get_local_id(0);
    size_t i = get_global_id(0);
    tile[me] = in[i] + 1;
    for (uint k = 0; k < 4; k++)
        own[k] = in[i] + k;
    const uint *chosen = me % 3 == 0 ? (const uint *)(in + i)
                                     : (me % 3 == 1 ? (const uint *)(tile + me)
                                                    : (const uint *)(own + (in[i] & 3)));
    out[i] = through(chosen, 3) + squares[me & 7] + program_scope + (to_local(chosen) ? 1u << 31 : 0);
}

KERNEL(maths) {
    float x = (in[get_global_id(0)] & 0xfff) * 0.01f + 0.01f;
    float result = 0;
    switch (get_global_id(0) % 16) {
    case 0: result = sin(x); break;
    case 1: result = cos(x); break;
    case 2: result = tan(x); break;
    case 3: result = exp(-x); break;
    case 4: result = log(x); break;
    case 5: result = pow(x, 1.7f); break;
    case 6: result = atan2(x, 3.0f); break;
    case 7: result = cbrt(x); break;
    case 8: result = erf(x); break;
    case 9: result = lgamma(x); break;
    case 10: result = hypot(x, 2.0f); break;
    case 11: result = fmod(x, 0.7f); break;
    case 12: result = log1p(x); break;
    case 13: result = sinh(x * 0.1f); break;
    case 14: result = rsqrt(x); break;
    case 15: result = ldexp(x, 5); break;
    }
    out[get_global_id(0)] = as_uint(result);
}

/* What AMD's compiler turns printf into: room in the buffer that a hidden argument names, then the
 * format's number and the values. */
extern global uint *__printf_alloc(uint bytes);

KERNEL(printed) {
    if (get_global_id(0) % 100 == 3) {
        global uint *record = __printf_alloc(12);
        if (record) {
            record[0] = 1;
            record[1] = get_global_id(0);
            record[2] = count;
        }
    }
    out[get_global_id(0)] = 0;
}
