import { messageOf } from '../../cni/index.ts';
import { JoinError } from '../bootstrap/error.ts';
import { interruptible } from './interruptible.ts';

/** To standard output, with a newline. */
export const sayLine = (text: string): void => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);

/**
 * Runs a command until it ends, or a signal interrupts it; what went wrong is told on standard error.
 *
 * @param command `podwright init`
 * @returns the exit code
 */
export async function runWithSignals(command: string, run: (signal: AbortSignal) => Promise<void>): Promise<number> {
  try {
    await interruptible(new JoinError('interrupted'), run);
    return 0;
  } catch (error) {
    const advice = error instanceof JoinError && error.advice !== undefined ? `  fix: ${error.advice}\n` : '';
    process.stderr.write(`${command}: ${messageOf(error)}\n${advice}`);
    return 1;
  }
}
