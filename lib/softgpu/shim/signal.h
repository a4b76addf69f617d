/* SPDX-License-Identifier: MIT */
/// SIGSEGV in a process with trapped doorbells: never really blocked, always asked first.
///
/// SIGBUS is asked first too (a file behind application memory was cut), its masks are the
/// application's own.
///
/// Interposed: sigaction, signal (bsd_signal, ssignal), sysv_signal, siginterrupt, sigset, sighold,
/// sigrelse, sigprocmask, pthread_sigmask, sigblock, sigsetmask.
///
/// The application sees what it set. While it believes SIGSEGV blocked, the kernel has SIGSTKFLT
/// (which Linux never raises) blocked in its place. So everything that carries a real mask carries
/// the application's as well: siglongjmp, contexts, new threads, execve. A fault while SIGSEGV is
/// "blocked" kills the process, as it would. A SIGSEGV that another process or thread sends is
/// delivered even while "blocked".
///
/// Before the device is opened the application's own action is in the kernel, and only masks are
/// translated. Not covered: raw rt_sigaction and rt_sigprocmask system calls (the Go runtime),
/// masks given to ppoll, pselect, epoll_pwait, sigsuspend and pthread_attr_setsigmask_np, threads
/// whose real mask was inherited from a parent process. Those want the doorbell modes spin or uffd.
#ifndef SG_SHIM_SIGNAL_H
#define SG_SHIM_SIGNAL_H

/// Takes SIGSEGV and SIGBUS over: remembers the actions in force, installs our handler, makes sure
/// that the calling thread has SIGSEGV unblocked. Idempotent, any thread; not in a signal handler.
/// Call it before the first doorbell page is made.
void sg_signal_install(void);

#endif
