import { ExecTimeoutError, type ContainerRuntime } from '../runtime/types.ts';
import { cutText, formatSeconds } from './render.ts';
import type { Check, CheckContext, Outcome } from './types.ts';

/** `maxReadLength` of `pkg/probe/exec/exec.go`, bytes. */
const maxOutput = 10 * 1024;

/**
 * Runs a command in the container: exit code 0 is success. One that ran too long was killed by the runtime and has failed;
 * one that cannot be run at all says nothing (`pkg/probe/exec/exec.go`).
 */
export async function probeExec(
  runtime: Pick<ContainerRuntime, 'execSync'>,
  { command }: Extract<Check, { type: 'exec' }>,
  { containerId, timeoutMs, signal }: CheckContext,
): Promise<Outcome> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, timeoutMs, signal);
    if (exitCode === 0) return { result: 'success' };
    return { result: 'failure', message: cutText(stdout + stderr, maxOutput) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ExecTimeoutError)) throw error;
    const line = JSON.stringify(command.join(' '));
    return { result: 'failure', message: `command timed out: ${line} timed out after ${formatSeconds(timeoutMs)}` };
  }
}
