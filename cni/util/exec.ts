import { Readable } from 'node:stream';
import { execa, ExecaError } from 'execa';

/** One run of an external program. Arguments are an array, never a shell string; text goes in by stdin. */
export interface ExecRequest {
  readonly file: string;
  readonly args: readonly string[];
  /** Text for the program's standard input; without it stdin is empty. */
  readonly input?: string;
  /** In the place of `input`: pieces that are made while the program reads. For text of megabytes. */
  readonly inputPieces?: Iterable<string>;
  /** Extra environment variables; the daemon's own environment is inherited beneath them. */
  readonly env?: Readonly<Record<string, string>>;
  /** SIGTERM after this many milliseconds (SIGKILL 2 s later). Default 30,000. */
  readonly timeoutMs?: number;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an external program to its end. Rejects with {@link ExecFailure} unless it exits with 0. */
export type Exec = (request: ExecRequest, signal?: AbortSignal) => Promise<ExecResult>;

/** An external program that could not be started, failed, or ran past its deadline. */
export class ExecFailure extends Error {
  override readonly name = 'ExecFailure';
  readonly file: string;
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** The program does not exist on this host. */
  readonly notFound: boolean;
  readonly timedOut: boolean;

  constructor(request: ExecRequest, error: ExecaError) {
    const notFound = error.code === 'ENOENT';
    const stderr = typeof error.stderr === 'string' ? error.stderr : '';
    super(`${[request.file, ...request.args].join(' ')}: ${reason(error, notFound, stderr)}`, { cause: error });
    this.file = request.file;
    this.exitCode = error.exitCode;
    this.stdout = typeof error.stdout === 'string' ? error.stdout : '';
    this.stderr = stderr;
    this.notFound = notFound;
    this.timedOut = error.timedOut;
  }
}

function reason(error: ExecaError, notFound: boolean, stderr: string): string {
  if (notFound) return 'program not found in PATH';
  if (error.timedOut) return 'timed out';
  return stderr.trim() || error.shortMessage;
}

function inputOf({
  input,
  inputPieces,
}: ExecRequest): { readonly input: string | Readable } | { readonly stdin: 'ignore' } {
  if (inputPieces !== undefined) return { input: Readable.from(inputPieces, { highWaterMark: 2 }) };
  return input === undefined ? { stdin: 'ignore' } : { input };
}

/** {@link Exec} on the real system. */
export const exec: Exec = async (request, signal) => {
  try {
    const result = await execa(request.file, request.args, {
      ...inputOf(request),
      ...(request.env === undefined ? {} : { env: request.env }),
      ...(signal === undefined ? {} : { cancelSignal: signal }),
      timeout: request.timeoutMs ?? 30_000,
      forceKillAfterDelay: 2_000,
      stripFinalNewline: false,
    });
    return { stdout: result.stdout, stderr: result.stderr };
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (error instanceof ExecaError) throw new ExecFailure(request, error as ExecaError);
    throw error;
  }
};
