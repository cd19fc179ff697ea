import pino, { type Logger } from 'pino';

export interface LogOptions {
  /** Undefined: text on a terminal, JSON elsewhere. */
  readonly format: 'json' | 'text' | undefined;
  /** As the kubelet's `-v`: from 4 on debug messages, from 6 on all. */
  readonly verbosity: number;
}

const levelOf = (verbosity: number): string =>
  verbosity >= traceVerbosity ? 'trace' : verbosity >= debugVerbosity ? 'debug' : 'info';

/** Changes what a log tells while it is in use. */
export function setVerbosity(log: Logger, verbosity: number): void {
  log.level = levelOf(verbosity);
}

const debugVerbosity = 4;
const traceVerbosity = 6;

/**
 * The daemon's log on standard output. Written synchronously and without worker threads: the last lines of a daemon that
 * ends are the ones that matter.
 */
export async function createLog({ format, verbosity }: LogOptions): Promise<Logger> {
  const options = {
    level: levelOf(verbosity),
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: verbosity >= debugVerbosity ? pino.stdSerializers.err : describeError },
  };
  if ((format ?? (process.stdout.isTTY ? 'text' : 'json')) === 'json') {
    return pino(options, pino.destination({ dest: 1, sync: true }));
  }
  const { default: pretty } = await import('pino-pretty');
  return pino(options, pretty({ colorize: process.stdout.isTTY, translateTime: 'SYS:HH:MM:ss.l', sync: true }));
}

/** What failed, in a line; the stack, which operators have no use for, shows with the debug messages. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const reasons: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { message } = cause;
    // Many an error already says what caused it.
    if (!reasons.some((reason) => reason.includes(message))) reasons.push(message);
  }
  return { type: error.name, message: reasons.join(': ') };
}
