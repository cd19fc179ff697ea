import { expect } from 'vitest';
import type { Cluster, CommandResult, TestHost } from '../lab/index.ts';
import { type RunningProgram, startProgram } from './programs.ts';

/** One kubectl, as the administrator. */
export interface KubectlClient {
  /** Never rejects for an exit code. */
  readonly run: (...args: string[]) => Promise<CommandResult>;
  /** What a command prints that has to succeed. */
  readonly output: (...args: string[]) => Promise<string>;
  /** Runs a shell on the host with kubectl as `$@`: for pipes, and for terminals. */
  readonly inShell: (script: string, ...args: string[]) => Promise<CommandResult>;
  /** Runs it on the host, beside the test. */
  readonly start: (args: readonly string[], stdin?: 'ignore' | 'pipe') => RunningProgram;
}

const timeoutMs = 60_000;

/** @param file path of the program */
export function kubectlClient(cluster: Cluster, host: TestHost, file: string): KubectlClient {
  const commandOf = (args: readonly string[]): ReturnType<Cluster['kubectlCommand']> => ({
    ...cluster.kubectlCommand(args),
    file,
  });
  const inShell: KubectlClient['inShell'] = async (script, ...args) => {
    const command = commandOf(args);
    return host.exec('sh', ['-c', script, 'sh', file, ...command.args], { env: command.env, timeoutMs });
  };
  const run = (...args: string[]): Promise<CommandResult> => inShell('exec "$@"', ...args);
  return {
    ...{ run, inShell },
    output: async (...args) => {
      const { exitCode, stdout, stderr } = await run(...args);
      expect(exitCode, stderr).toBe(0);
      return stdout;
    },
    start: (args, stdin) => startProgram(host, commandOf(args), stdin),
  };
}
