import { DaemonError } from './local-client.ts';

/** What the user asked for cannot be done as asked; the message says what to do instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Exit code of a command. What the user can do something about is a line on standard error, and 1.
 *
 * @param command `podwright logs`
 */
export async function exitCodeOf(command: string, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const isExpected = error instanceof DaemonError || error instanceof RangeError || error instanceof UsageError;
    if (!isExpected) throw error;
    process.stderr.write(`${command}: ${error.message}\n`);
    return 1;
  }
}
