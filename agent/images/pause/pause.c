/*
 * pause: the first process of a pod's sandbox. It holds the pod's namespaces open and does nothing else.
 *
 *   SIGTERM, SIGINT  exit with 0, at once
 *   dead children    reaped by the kernel
 *   other signals    dropped by the kernel; pause is not even woken
 *
 * As process 1 of a shared PID namespace it inherits every orphan of the pod. Ignoring SIGCHLD makes the kernel reap
 * children as they die, and orphans that are dead when they are inherited (POSIX.1-2001; do_notify_parent in Linux): no
 * handler, no wake-up, and no window in which a signal that stands for two children could be lost. Children that died
 * before that are collected once by wait4.
 *
 * SIGTERM and SIGINT are blocked and fetched synchronously. Blocked signals stay pending even for process 1, which
 * otherwise never receives a signal that it has no handler for, so none is lost between two instructions. All else is
 * ignored, because outside a PID namespace of its own (hostPID) its default action would end the sandbox.
 *
 * No libc and no data: the program is one read-only, executable segment. Built by build.sh.
 */

typedef unsigned long word;

enum { SIGINT = 2, SIGKILL = 9, SIGTERM = 15, SIGSTOP = 19, SIGNALS = 64 };
enum { WNOHANG = 1, SIG_BLOCK = 0, SET_BYTES = 8 };

#if defined(__x86_64__)

enum { RT_SIGACTION = 13, RT_SIGPROCMASK = 14, WAIT4 = 61, RT_SIGTIMEDWAIT = 128, EXIT_GROUP = 231 };

static inline long call(long number, word a, word b, word c, word d) {
    long result;
    register word r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

enum { EXIT_GROUP = 94, RT_SIGACTION = 134, RT_SIGPROCMASK = 135, RT_SIGTIMEDWAIT = 137, WAIT4 = 260 };

static inline long call(long number, word a, word b, word c, word d) {
    register long x8 __asm__("x8") = number;
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return (long)x0;
}

#else
#error "pause: unknown architecture"
#endif

/* The kernel's struct sigaction; with SIG_IGN (1) the fields after the handler have no meaning. */
struct action {
    word handler, flags, restorer, mask;
};

static inline word bit(int signal) { return 1UL << (signal - 1); }

__attribute__((noreturn)) void _start(void) {
    const word stop = bit(SIGTERM) | bit(SIGINT);
    const word keep = stop | bit(SIGKILL) | bit(SIGSTOP);
    const struct action ignore = {.handler = 1};

    call(RT_SIGPROCMASK, SIG_BLOCK, (word)&stop, 0, SET_BYTES);
    for (int signal = 1; signal <= SIGNALS; signal++)
        if (!(keep & bit(signal))) call(RT_SIGACTION, (word)signal, (word)&ignore, 0, SET_BYTES);
    while (call(WAIT4, (word)-1, 0, WNOHANG, 0) > 0) continue;

    /* A stop and continue (SIGSTOP, the freezer, a debugger) ends the wait with EINTR. */
    while (call(RT_SIGTIMEDWAIT, (word)&stop, 0, 0, SET_BYTES) < 0) continue;
    for (;;) call(EXIT_GROUP, 0, 0, 0, 0);
}
