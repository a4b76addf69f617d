/* SPDX-License-Identifier: MIT */
#include "softgpu/shim/signal.h"
#include "softgpu/kfd/doorbell.h"
#include "softgpu/shim/real.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

/* The kernel's struct sigaction and its one-word signal set. */
struct kernel_action {
    void *handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};
enum { KERNEL_SET_BYTES = sizeof(uint64_t), SIGNALS = 64 };
#define KERNEL_SA_RESTORER 0x04000000ul
#define BIT(signal_number) (UINT64_C(1) << ((signal_number)-1))
/* glibc keeps these two for cancellation and setuid, and hides them from applications. */
#define GLIBC_INTERNAL (BIT(32) | BIT(33))

/* Exactly these bytes are how unwinders and debuggers know a signal frame. */
__asm__(".text\n"
        ".type shim_restore_rt, @function\n"
        "    nop\n"
        "shim_restore_rt:\n"
        "    .byte 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05\n"
        ".size shim_restore_rt, . - shim_restore_rt\n");
void shim_restore_rt(void);

static int real_sigprocmask(int how, const uint64_t *set, uint64_t *old) {
    return (int)syscall(SYS_rt_sigprocmask, how, set, old, KERNEL_SET_BYTES);
}

static int real_sigaction(int number, const struct kernel_action *action,
                          struct kernel_action *old) {
    return (int)syscall(SYS_rt_sigaction, number, action, old, KERNEL_SET_BYTES);
}

/* --- What the application believes and what the kernel has --- */

static uint64_t set_word(const sigset_t *set) {
    uint64_t word;
    memcpy(&word, set, sizeof word);
    return word;
}

static uint64_t to_real(uint64_t believed) {
    const uint64_t rest = believed & ~(BIT(SIGSEGV) | BIT(SIGSTKFLT) | GLIBC_INTERNAL);
    return rest | (believed & BIT(SIGSEGV) ? BIT(SIGSTKFLT) : 0);
}

static uint64_t to_believed(uint64_t real) {
    /* SIGSTKFLT stays set: after sigfillset the application gets a full set back. */
    return real | (real & BIT(SIGSTKFLT) ? BIT(SIGSEGV) : 0);
}

/* --- The application's actions for the signals that are ours, once our handler is installed --- */

enum { TAKEN_SEGV, TAKEN_BUS, TAKEN_COUNT };
static const int taken_signals[TAKEN_COUNT] = {[TAKEN_SEGV] = SIGSEGV, [TAKEN_BUS] = SIGBUS};

/* Written with all signals blocked, so a handler on the same thread never meets a half-written
 * one; read by handlers on other threads, which try again meanwhile. */
static struct taken {
    _Atomic(void *) handler;
    _Atomic unsigned long flags;
    _Atomic uint64_t mask; ///< as the application gave it
} taken[TAKEN_COUNT];
static _Atomic uint32_t sequence; ///< odd while `taken` is being written
static _Atomic bool is_installed;

static struct taken *taken_of(int number) {
    return &taken[number == SIGBUS ? TAKEN_BUS : TAKEN_SEGV];
}

static uint64_t begin_write(void) {
    const uint64_t all = ~UINT64_C(0);
    uint64_t saved = 0;
    real_sigprocmask(SIG_SETMASK, &all, &saved);
    uint32_t seen = atomic_load(&sequence);
    while (seen % 2 != 0 || !atomic_compare_exchange_weak(&sequence, &seen, seen + 1))
        seen = atomic_load(&sequence);
    return saved;
}

static void end_write(uint64_t saved) {
    atomic_fetch_add(&sequence, 1);
    real_sigprocmask(SIG_SETMASK, &saved, NULL);
}

static struct kernel_action load(const struct taken *from) {
    return (struct kernel_action){.handler = atomic_load(&from->handler),
                                  .flags = atomic_load(&from->flags),
                                  .mask = atomic_load(&from->mask)};
}

static void store(struct taken *to, const struct kernel_action *action) {
    atomic_store(&to->handler, action->handler);
    atomic_store(&to->flags, action->flags);
    atomic_store(&to->mask, action->mask);
}

static struct kernel_action load_consistent(const struct taken *from) {
    struct kernel_action action;
    uint32_t seen;
    do {
        seen = atomic_load(&sequence);
        action = load(from);
    } while (seen % 2 != 0 || seen != atomic_load(&sequence));
    return action;
}

/* --- Our handler --- */

/// Ends the process as the default action does: with the kernel's own report of the same fault.
static void die(int number, bool is_fault) {
    const struct kernel_action action = {
        .handler = (void *)SIG_DFL, .flags = KERNEL_SA_RESTORER, .restorer = shim_restore_rt};
    real_sigaction(number, &action, NULL);
    /* On return the instruction faults again; a signal that was sent is sent again. */
    if (!is_fault)
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}

static void call_application(const struct kernel_action *action, int number, siginfo_t *info,
                             ucontext_t *context) {
    uint64_t *interrupted = (uint64_t *)&context->uc_sigmask;
    void (*handler)(int, siginfo_t *, void *);
    uint64_t mask = *interrupted | to_real(action->mask);
    if (!(action->flags & SA_NODEFER))
        mask |= to_real(BIT(number));
    mask &= ~BIT(SIGSEGV);
    real_sigprocmask(SIG_SETMASK, &mask, NULL);
    *interrupted = to_believed(*interrupted);
    memcpy(&handler, &action->handler, sizeof handler);
    handler(number, info, context);
    /* What it left in the context takes effect on return. */
    *interrupted = to_real(*interrupted) | (*interrupted & GLIBC_INTERNAL);
}

static void chain(int number, siginfo_t *info, ucontext_t *context) {
    const bool is_fault = info->si_code > 0;
    /* A SIGBUS that the kernel delivers is not blocked; a blocked one it makes fatal itself. */
    const bool is_blocked =
        number == SIGSEGV && (set_word(&context->uc_sigmask) & BIT(SIGSTKFLT)) != 0;
    struct taken *ours = taken_of(number);
    const struct kernel_action action = load_consistent(ours);
    const bool is_ignored = action.handler == (void *)SIG_IGN;
    if (is_ignored && !is_fault)
        return;
    if (action.handler == (void *)SIG_DFL || (is_fault && (is_ignored || is_blocked))) {
        die(number, is_fault);
        return;
    }
    if (action.flags & SA_RESETHAND) {
        const uint64_t saved = begin_write();
        atomic_store(&ours->handler, (void *)SIG_DFL);
        atomic_fetch_and(&ours->flags, ~(unsigned long)SA_SIGINFO);
        end_write(saved);
    }
    call_application(&action, number, info, context);
}

static void on_fault(int number, siginfo_t *info, void *context) {
    const int saved_errno = errno;
    if (!sg_trap_handle(number, info, context))
        chain(number, info, context);
    errno = saved_errno;
}

/// Puts our handler into the kernel, with those flags of the application's that concern delivery.
static int install_handler(int number, unsigned long application_flags) {
    struct kernel_action action = {.flags = SA_SIGINFO | SA_NODEFER | KERNEL_SA_RESTORER |
                                            (application_flags & (SA_ONSTACK | SA_RESTART)),
                                   .restorer = shim_restore_rt,
                                   .mask = ~(BIT(SIGSEGV) | BIT(SIGBUS))};
    void (*handler)(int, siginfo_t *, void *) = on_fault;
    memcpy(&action.handler, &handler, sizeof handler);
    return real_sigaction(number, &action, NULL);
}

void sg_signal_install(void) {
    struct kernel_action action;
    uint64_t saved = begin_write();
    for (int i = 0; i < TAKEN_COUNT && !atomic_load(&is_installed); i++) {
        real_sigaction(taken_signals[i], NULL, &action);
        action.mask = to_believed(action.mask);
        store(&taken[i], &action);
        install_handler(taken_signals[i], action.flags);
    }
    atomic_store(&is_installed, true);
    if (saved & BIT(SIGSEGV))
        saved = (saved & ~BIT(SIGSEGV)) | BIT(SIGSTKFLT);
    end_write(saved);
}

/* --- Actions --- */

static int taken_action(int number, const struct sigaction *action, struct kernel_action *out_old) {
    const uint64_t saved = begin_write();
    int result = 0;
    *out_old = load(taken_of(number));
    if (action) {
        const struct kernel_action wanted = {.handler = (void *)action->sa_handler,
                                             .flags = (unsigned long)(unsigned)action->sa_flags,
                                             .mask = set_word(&action->sa_mask)};
        store(taken_of(number), &wanted);
        result = install_handler(number, wanted.flags);
    }
    end_write(saved);
    return result;
}

static int other_action(int number, const struct sigaction *action, struct kernel_action *out_old) {
    struct kernel_action wanted;
    if (action)
        wanted = (struct kernel_action){
            .handler = (void *)action->sa_handler,
            .flags = (unsigned long)(unsigned)action->sa_flags | KERNEL_SA_RESTORER,
            .restorer = shim_restore_rt,
            .mask = to_real(set_word(&action->sa_mask)),
        };
    const int result = real_sigaction(number, action ? &wanted : NULL, out_old);
    out_old->mask = to_believed(out_old->mask);
    return result;
}

SHIM_EXPORT int sigaction(int number, const struct sigaction *restrict action,
                          struct sigaction *restrict old) {
    struct kernel_action previous = {0};
    if (number <= 0 || number > SIGNALS || (BIT(number) & GLIBC_INTERNAL)) {
        errno = EINVAL;
        return -1;
    }
    const bool is_taken = (number == SIGSEGV || number == SIGBUS) && atomic_load(&is_installed);
    const int result = is_taken ? taken_action(number, action, &previous)
                                : other_action(number, action, &previous);
    if (result == 0 && old) {
        old->sa_handler = (__sighandler_t)previous.handler;
        old->sa_flags = (int)(previous.flags & ~KERNEL_SA_RESTORER);
        memcpy(&old->sa_mask, &previous.mask, sizeof previous.mask);
    }
    return result;
}

/* Signals for which siginterrupt() was asked: signal() then leaves SA_RESTART out. */
static _Atomic uint64_t interrupting;

static __sighandler_t set_handler(int number, __sighandler_t handler, int flags, uint64_t mask) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    memcpy(&action.sa_mask, &mask, sizeof mask);
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

SHIM_EXPORT __sighandler_t signal(int number, __sighandler_t handler) {
    if (number <= 0 || number > SIGNALS) {
        errno = EINVAL;
        return SIG_ERR;
    }
    const bool interrupts = (atomic_load(&interrupting) & BIT(number)) != 0;
    return set_handler(number, handler, interrupts ? 0 : SA_RESTART, BIT(number));
}

SHIM_EXPORT __sighandler_t bsd_signal(int number, __sighandler_t handler) {
    return signal(number, handler);
}

SHIM_EXPORT __sighandler_t ssignal(int number, __sighandler_t handler) {
    return signal(number, handler);
}

SHIM_EXPORT __sighandler_t sysv_signal(int number, __sighandler_t handler) {
    return set_handler(number, handler, (int)(SA_RESETHAND | SA_NODEFER), 0);
}

/* What <signal.h> makes of signal() under strict X/Open. */
SHIM_EXPORT __sighandler_t __sysv_signal(int number, __sighandler_t handler);
SHIM_EXPORT __sighandler_t __sysv_signal(int number, __sighandler_t handler) {
    return sysv_signal(number, handler);
}

SHIM_EXPORT int siginterrupt(int number, int interrupts) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0)
        return -1;
    if (interrupts) {
        atomic_fetch_or(&interrupting, BIT(number));
        action.sa_flags &= ~SA_RESTART;
    } else {
        atomic_fetch_and(&interrupting, ~BIT(number));
        action.sa_flags |= SA_RESTART;
    }
    return sigaction(number, &action, NULL);
}

/* --- Masks --- */

static int change_mask(int how, const sigset_t *set, sigset_t *old) {
    uint64_t wanted = 0, previous = 0;
    if (set) {
        const uint64_t believed = set_word(set);
        wanted = to_real(believed);
        /* One that came blocked with execve is unblocked for real. */
        if (how == SIG_UNBLOCK)
            wanted |= believed & BIT(SIGSEGV);
    }
    if (real_sigprocmask(how, set ? &wanted : NULL, &previous) != 0)
        return -1;
    previous = to_believed(previous);
    if (old)
        memcpy(old, &previous, sizeof previous);
    return 0;
}

SHIM_EXPORT int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old) {
    return change_mask(how, set, old);
}

SHIM_EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old) {
    const int saved_errno = errno;
    const int error = change_mask(how, set, old) == 0 ? 0 : errno;
    errno = saved_errno;
    return error;
}

static int change_one(int how, int number) {
    sigset_t set;
    if (number <= 0 || number > SIGNALS) {
        errno = EINVAL;
        return -1;
    }
    sigemptyset(&set);
    sigaddset(&set, number);
    return change_mask(how, &set, NULL);
}

SHIM_EXPORT int sighold(int number) {
    return change_one(SIG_BLOCK, number);
}

SHIM_EXPORT int sigrelse(int number) {
    return change_one(SIG_UNBLOCK, number);
}

SHIM_EXPORT __sighandler_t sigset(int number, __sighandler_t handler) {
    struct sigaction old;
    sigset_t mask;
    if (number <= 0 || number > SIGNALS || sigaction(number, NULL, &old) != 0 ||
        sigprocmask(SIG_BLOCK, NULL, &mask) != 0) {
        errno = EINVAL;
        return SIG_ERR;
    }
    if (handler == SIG_HOLD
            ? change_one(SIG_BLOCK, number) != 0
            : set_handler(number, handler, 0, 0) == SIG_ERR || change_one(SIG_UNBLOCK, number) != 0)
        return SIG_ERR;
    return sigismember(&mask, number) ? SIG_HOLD : old.sa_handler;
}

static int change_word(int how, int mask) {
    sigset_t set, old;
    const uint64_t word = (uint32_t)mask;
    sigemptyset(&set);
    memcpy(&set, &word, sizeof word);
    return change_mask(how, &set, &old) == 0 ? (int)(uint32_t)set_word(&old) : -1;
}

SHIM_EXPORT int sigblock(int mask) {
    return change_word(SIG_BLOCK, mask);
}

SHIM_EXPORT int sigsetmask(int mask) {
    return change_word(SIG_SETMASK, mask);
}
