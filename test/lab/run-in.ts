import { execa } from 'execa';
import { enterArgs, type HostNamespaces } from './names.ts';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  /** Default 30,000. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program in the namespaces of a host. Never rejects for an exit code.
 *
 * @throws Error when it does not end in time; it is killed then
 */
export async function runIn(
  host: HostNamespaces,
  file: string,
  args: readonly string[],
  { input, timeoutMs = 30_000, env = {} }: CommandOptions = {},
): Promise<CommandResult> {
  const { exitCode, stdout, stderr, timedOut } = await execa('nsenter', [...enterArgs(host), file, ...args], {
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    env,
    timeout: timeoutMs,
    reject: false,
  });
  if (timedOut) throw new Error(`${[file, ...args].join(' ')}: not within ${timeoutMs} ms\n${stdout}\n${stderr}`);
  return { exitCode: exitCode ?? -1, stdout, stderr };
}
