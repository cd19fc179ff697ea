import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EchoReport } from './echo-client.ts';

const program = fileURLToPath(new URL('./echo-client.ts', import.meta.url));

/** Connections that talk all the time. */
export interface Echoes {
  /** Ends them in order. */
  report(): Promise<EchoReport>;
  /** Ends them at once, if they have not ended. */
  stop(): void;
}

/**
 * Begins to talk to echo servers from a network namespace.
 *
 * @param netns path of the namespace
 * @param count connections that are kept
 */
export async function startEchoes(netns: string, address: string, port: number, count: number): Promise<Echoes> {
  const command = [process.execPath, '--import', 'tsx', program, address, String(port), String(count)];
  const client = spawn('nsenter', [`--net=${netns}`, ...command], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const message = async (): Promise<unknown> => {
    const ended = once(client, 'exit').then(([code]) => {
      throw new Error(`the echo client from ${netns} to ${address}:${port} ended with ${String(code)}`);
    });
    const [received] = (await Promise.race([once(client, 'message'), ended])) as [unknown];
    ended.catch(() => undefined);
    return received;
  };
  await message();
  return {
    report: async () => {
      const report = message();
      client.send('end');
      return (await report) as EchoReport;
    },
    stop: () => client.kill(),
  };
}
