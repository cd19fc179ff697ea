const STANDARD = [
  ...['SIGABRT', 'SIGALRM', 'SIGBUS', 'SIGCHLD', 'SIGCLD', 'SIGCONT', 'SIGFPE', 'SIGHUP', 'SIGILL', 'SIGINT', 'SIGIO'],
  ...['SIGIOT', 'SIGKILL', 'SIGPIPE', 'SIGPOLL', 'SIGPROF', 'SIGPWR', 'SIGQUIT', 'SIGSEGV', 'SIGSTKFLT', 'SIGSTOP'],
  ...['SIGSYS', 'SIGTERM', 'SIGTRAP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGUSR1', 'SIGUSR2', 'SIGVTALRM'],
  ...['SIGWINCH', 'SIGXCPU', 'SIGXFSZ'],
];

/** `count` signals at one end of the real-time range. */
function realTime(end: 'SIGRTMIN+' | 'SIGRTMAX-', count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${end}${index + 1}`);
}

/** Signals with which a container on Linux can be told to end (`Signal`, `k8s.io/api/core/v1/types.go`; KEP-4960). */
export const STOP_SIGNALS: readonly string[] = [
  ...STANDARD,
  'SIGRTMIN',
  ...realTime('SIGRTMIN+', 15),
  'SIGRTMAX',
  ...realTime('SIGRTMAX-', 14),
].sort();
