/* SPDX-License-Identifier: MIT */
// The libraries of the process: which there are, and rewriting the symbols of those that are
// traced.
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace/trace.h"

#define PAGE        UINT64_C(4096)
#define OBJECTS_MAX 1024u
#define ROCM_MAX    64u
#define LOCK_TURNS  100000

/* Libraries whose exported functions are traced, and those whose calls into the OS count. */
static const struct target {
    const char *file; // its name begins so
    enum hsp_trace_layer layer;
    const char *prefixes[3]; // its functions' names begin so
} targets[] = {
    {"libamdhip64.so", HSP_LAYER_HIP, {"hip", "__hip", NULL}},
    {"libhsakmt.so", HSP_LAYER_THUNK, {"hsaKmt", NULL}},
    // The rest of HSA by its table, which hsa_init hands out.
    {"libhsa-runtime64.so", HSP_LAYER_HSA, {"hsa_init", NULL}},
};
static const struct target hsa_exports = {"libhsa-runtime64.so", HSP_LAYER_HSA, {"hsa_", NULL}};
static const char *const rocm_files[] = {
    "libamdhip64.so", "libhsakmt.so",   "libhsa-runtime64.so", "libdrm",
    "libamd_comgr",   "libhsaprobe.so", "libhiprtc",           NULL};

struct object {
    const char *path;
    uint64_t base;
    uint64_t low, high; // addresses of its segments
    uint64_t relro_low, relro_high;
    int symbols_protection;
    const Elf64_Sym *symbols;
    const char *strings;
    const uint32_t *hash, *gnu_hash;
    const Elf64_Rela *relocations[2];
    uint64_t relocation_counts[2];
};

// One function that has a stub.
struct redirect {
    uint64_t original;
    uint64_t stub;
    const char *name;
};

static pthread_mutex_t objects_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t known_bases[OBJECTS_MAX], next_bases[OBJECTS_MAX];
static uint32_t known_count, next_count;
static atomic_ullong seen_adds;
static struct { uint64_t low, high; } rocm_ranges[ROCM_MAX];
static atomic_uint rocm_count;

static const char *file_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool begins(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

// The dynamic linker has relocated the pointers in most dynamic sections, but not in all.
static const void *pointer_in(const struct object *object, uint64_t value) {
    return (const void *)(value < object->base ? value + object->base : value);
}

static void read_dynamic(struct object *object, const Elf64_Dyn *entry) {
    for (; entry->d_tag != DT_NULL; entry++) {
        const void *pointer = pointer_in(object, entry->d_un.d_ptr);
        switch (entry->d_tag) {
        case DT_SYMTAB:
            object->symbols = pointer;
            break;
        case DT_STRTAB:
            object->strings = pointer;
            break;
        case DT_HASH:
            object->hash = pointer;
            break;
        case DT_GNU_HASH:
            object->gnu_hash = pointer;
            break;
        case DT_RELA:
            object->relocations[0] = pointer;
            break;
        case DT_RELASZ:
            object->relocation_counts[0] = entry->d_un.d_val / sizeof(Elf64_Rela);
            break;
        case DT_JMPREL:
            object->relocations[1] = pointer;
            break;
        case DT_PLTRELSZ:
            object->relocation_counts[1] = entry->d_un.d_val / sizeof(Elf64_Rela);
            break;
        default:
            break;
        }
    }
}

static int protection_of(const struct dl_phdr_info *info, uint64_t address) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *segment = &info->dlpi_phdr[i];
        const uint64_t low = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && address >= low && address < low + segment->p_memsz)
            return (segment->p_flags & PF_R ? PROT_READ : 0) |
                   (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                   (segment->p_flags & PF_X ? PROT_EXEC : 0);
    }
    return PROT_READ;
}

static bool describe(const struct dl_phdr_info *info, struct object *object) {
    const Elf64_Dyn *dynamic = NULL;
    *object = (struct object){.path = info->dlpi_name, .base = info->dlpi_addr, .low = UINT64_MAX};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *segment = &info->dlpi_phdr[i];
        const uint64_t low = object->base + segment->p_vaddr;
        const uint64_t high = low + segment->p_memsz;
        if (segment->p_type == PT_LOAD) {
            object->low = low < object->low ? low : object->low;
            object->high = high > object->high ? high : object->high;
        } else if (segment->p_type == PT_DYNAMIC) {
            dynamic = (const Elf64_Dyn *)low;
        } else if (segment->p_type == PT_GNU_RELRO) {
            object->relro_low = low;
            object->relro_high = high;
        }
    }
    if (!dynamic)
        return false;
    read_dynamic(object, dynamic);
    object->symbols_protection = protection_of(info, (uint64_t)object->symbols);
    return object->symbols && object->strings;
}

// The hash tables are the only ones that say how many symbols there are.
static uint32_t symbol_count(const struct object *object) {
    if (object->hash)
        return object->hash[1];
    if (!object->gnu_hash)
        return 0;
    const uint32_t bucket_count = object->gnu_hash[0], first = object->gnu_hash[1];
    const uint32_t bloom_words = object->gnu_hash[2];
    const uint32_t *buckets = object->gnu_hash + 4 + bloom_words * 2;
    const uint32_t *chains = buckets + bucket_count;
    uint32_t last = 0;
    for (uint32_t i = 0; i < bucket_count; i++)
        last = buckets[i] > last ? buckets[i] : last;
    if (last < first)
        return first;
    while (!(chains[last - first] & 1))
        last++;
    return last + 1;
}

static bool has_prefix(const struct target *target, const char *name) {
    for (size_t i = 0; i < 3 && target->prefixes[i]; i++)
        if (begins(name, target->prefixes[i]))
            return true;
    return false;
}

static bool is_traced(const struct object *object, const struct target *target,
                      const Elf64_Sym *symbol) {
    return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
           symbol->st_value != 0 && has_prefix(target, object->strings + symbol->st_name);
}

static void protect(uint64_t low, uint64_t high, int protection) {
    low &= ~(PAGE - 1);
    syscall(SYS_mprotect, low, high - low, protection);
}

static void write_slot(const struct object *object, uint64_t slot, uint64_t value) {
    // The linker protects whole pages within the segment only.
    const uint64_t low = object->relro_low & ~(PAGE - 1), high = object->relro_high & ~(PAGE - 1);
    const bool is_protected = slot >= low && slot < high;
    if (is_protected)
        protect(slot, slot + sizeof value, PROT_READ | PROT_WRITE);
    __atomic_store_n((uint64_t *)slot, value, __ATOMIC_RELEASE);
    if (is_protected)
        protect(slot, slot + sizeof value, PROT_READ);
}

static bool holds_address(uint32_t type) {
    return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64;
}

// By name, then by address: a library may have several versions of a name.
static int compare_redirects(const void *left, const void *right) {
    const struct redirect *a = left, *b = right;
    const int order = strcmp(a->name, b->name);
    return order ? order : (a->original > b->original) - (a->original < b->original);
}

struct rewrite {
    const struct object *target;
    const struct redirect *redirects;
    uint32_t count;
};

static const struct redirect *find_redirect(const struct rewrite *rewrite, const char *name,
                                            uint64_t original) {
    const struct redirect key = {.name = name, .original = original};
    return bsearch(&key, rewrite->redirects, rewrite->count, sizeof key, compare_redirects);
}

// Everybody but the library itself calls the stubs.
static void rewrite_slots(const struct object *object, const struct rewrite *rewrite) {
    const struct object *target = rewrite->target;
    for (int table = 0; table < 2 && object->base != target->base; table++)
        for (uint64_t i = 0; object->relocations[table] && i < object->relocation_counts[table];
             i++) {
            const Elf64_Rela *relocation = &object->relocations[table][i];
            const uint32_t symbol = (uint32_t)ELF64_R_SYM(relocation->r_info);
            if (!symbol || !holds_address((uint32_t)ELF64_R_TYPE(relocation->r_info)))
                continue;
            const uint64_t slot = object->base + relocation->r_offset;
            const uint64_t bound = *(const uint64_t *)slot;
            if (bound < target->low || bound >= target->high)
                continue; // not yet, or to somebody else's function of that name
            const struct redirect *redirect =
                find_redirect(rewrite, object->strings + object->symbols[symbol].st_name, bound);
            if (redirect)
                write_slot(object, slot, redirect->stub);
        }
}

static int rewrite_object(struct dl_phdr_info *info, size_t bytes, void *data) {
    (void)bytes;
    struct object object;
    if (describe(info, &object))
        rewrite_slots(&object, data);
    return 0;
}

// Whoever looks the symbol up from now on (a new library, a lazy binding, dlsym) gets the stub.
static void rewrite_symbols(const struct object *object, const struct target *target,
                            const struct rewrite *rewrite) {
    const uint32_t count = symbol_count(object);
    const uint64_t low = (uint64_t)object->symbols, high = (uint64_t)(object->symbols + count);
    protect(low, high, object->symbols_protection | PROT_WRITE);
    for (uint32_t i = 1; i < count; i++) {
        Elf64_Sym *symbol = (Elf64_Sym *)&object->symbols[i];
        if (!is_traced(object, target, symbol))
            continue;
        const struct redirect *redirect = find_redirect(rewrite, object->strings + symbol->st_name,
                                                        object->base + symbol->st_value);
        if (redirect)
            __atomic_store_n(&symbol->st_value, redirect->stub - object->base, __ATOMIC_RELEASE);
    }
    protect(low, high, object->symbols_protection);
}

static uint32_t make_redirects(const struct object *object, const struct target *target,
                               struct trace_block *block, struct redirect *redirects) {
    const uint32_t symbols = symbol_count(object);
    uint32_t count = 0;
    for (uint32_t i = 1; i < symbols; i++) {
        const Elf64_Sym *symbol = &object->symbols[i];
        if (!is_traced(object, target, symbol))
            continue;
        const char *name = object->strings + symbol->st_name;
        const uint64_t original = object->base + symbol->st_value;
        uint16_t id = HSP_TRACE_NO_ID;
        const uint64_t stub =
            (uint64_t)trace_block_add(block, target->layer, name, (void *)original, &id);
        if (stub)
            redirects[count++] =
                (struct redirect){.original = original, .stub = stub, .name = name};
    }
    qsort(redirects, count, sizeof *redirects, compare_redirects);
    return count;
}

// A lazily bound call of the library to itself would find the rewritten symbol.
static void bind_own_calls(const struct object *object, const struct target *target) {
    for (uint64_t i = 0; object->relocations[1] && i < object->relocation_counts[1]; i++) {
        const Elf64_Rela *relocation = &object->relocations[1][i];
        const Elf64_Sym *symbol = &object->symbols[ELF64_R_SYM(relocation->r_info)];
        if (is_traced(object, target, symbol))
            write_slot(object, object->base + relocation->r_offset,
                       object->base + symbol->st_value);
    }
}

static void trace_target(const struct object *object, const struct target *target) {
    const uint32_t symbols = symbol_count(object);
    uint32_t wanted = 0;
    for (uint32_t i = 1; i < symbols; i++)
        wanted += is_traced(object, target, &object->symbols[i]);
    struct trace_block *block = trace_block_create(wanted);
    struct redirect *redirects = calloc(wanted + 1, sizeof *redirects);
    if (!block || !redirects) {
        free(redirects);
        return;
    }
    struct rewrite rewrite = {.target = object, .redirects = redirects};
    rewrite.count = make_redirects(object, target, block, redirects);
    trace_block_finish(block);
    bind_own_calls(object, target);
    rewrite_symbols(object, target, &rewrite);
    dl_iterate_phdr(rewrite_object, &rewrite);
    free(redirects);
}

// Also forgets those that are gone: another may come to their address.
static bool add_known(uint64_t address) {
    if (next_count < OBJECTS_MAX)
        next_bases[next_count++] = address;
    for (uint32_t i = 0; i < known_count; i++)
        if (known_bases[i] == address)
            return false;
    return true;
}

static bool is_rocm_file(const char *path) {
    for (size_t i = 0; rocm_files[i]; i++)
        if (begins(file_of(path), rocm_files[i]))
            return true;
    return false;
}

static void note_rocm(const struct object *object) {
    const uint32_t count = atomic_load(&rocm_count);
    if (count == ROCM_MAX || !is_rocm_file(object->path))
        return;
    rocm_ranges[count].low = object->low;
    rocm_ranges[count].high = object->high;
    atomic_store(&rocm_count, count + 1);
}

static int look_at_object(struct dl_phdr_info *info, size_t bytes, void *data) {
    (void)bytes;
    (void)data;
    struct object object;
    if (!describe(info, &object) || !add_known(object.low))
        return 0;
    char own[256] = "";
    if (!object.path[0] && readlink("/proc/self/exe", own, sizeof own - 1) > 0)
        object.path = own;
    hsp_writer_note(HSP_NOTE_MODULE, object.low, object.high, object.path);
    note_rocm(&object);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (begins(file_of(object.path), targets[i].file) && trace_has_layer(targets[i].layer))
            trace_target(&object, &targets[i]);
    return 0;
}

static int find_rocm(struct dl_phdr_info *info, size_t bytes, void *data) {
    (void)bytes;
    (void)data;
    return info->dlpi_name && is_rocm_file(info->dlpi_name);
}

static int read_adds(struct dl_phdr_info *info, size_t bytes, void *data) {
    (void)bytes;
    *(unsigned long long *)data = info->dlpi_adds;
    return 1;
}

void trace_objects_update(void) {
    unsigned long long adds = 0;
    dl_iterate_phdr(read_adds, &adds);
    if (adds == atomic_load(&seen_adds))
        return;
    const int error = errno;
    // Another thread may hold the lock and wait for the linker's, which the caller may hold.
    for (int turn = 0; pthread_mutex_trylock(&objects_lock) != 0; turn++) {
        if (turn == LOCK_TURNS) {
            errno = error;
            return;
        }
        syscall(SYS_sched_yield);
    }
    atomic_store(&seen_adds, adds);
    // Most processes of a shell script have nothing to do with ROCm: they leave no file.
    if ((hsp_process_page || dl_iterate_phdr(find_rocm, NULL)) && trace_start()) {
        next_count = 0;
        dl_iterate_phdr(look_at_object, NULL);
        memcpy(known_bases, next_bases, sizeof *next_bases * next_count);
        known_count = next_count;
    }
    pthread_mutex_unlock(&objects_lock);
    errno = error;
}

static int trace_hsa_object(struct dl_phdr_info *info, size_t bytes, void *data) {
    (void)bytes;
    (void)data;
    struct object object;
    if (describe(info, &object) && begins(file_of(object.path), hsa_exports.file))
        trace_target(&object, &hsa_exports);
    return 0;
}

void trace_objects_add_hsa(void) {
    pthread_mutex_lock(&objects_lock);
    dl_iterate_phdr(trace_hsa_object, NULL);
    pthread_mutex_unlock(&objects_lock);
}

bool trace_objects_is_rocm(uint64_t address) {
    const uint32_t count = atomic_load_explicit(&rocm_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        if (address >= rocm_ranges[i].low && address < rocm_ranges[i].high)
            return true;
    return false;
}
