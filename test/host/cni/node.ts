import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Namespaces, netnsPath } from './namespaces.ts';
import type { Answer, Call } from './runner.ts';

/** A node's pod network, run by a process in the host's namespace. */
export interface NetworkProcess {
  /** The answer of a call; an error is a value of it. Rejects when the process ends first. */
  call(call: Call): Promise<Answer>;
  /** Kills the process as `kill -9` does, at whatever it is. */
  kill(): Promise<void>;
}

const runner = new URL('runner.ts', import.meta.url).pathname;

export function startNetwork(spaces: Namespaces, directory: string, podCidrs: readonly string[]): NetworkProcess {
  const args = [`--net=${netnsPath(spaces.host)}`, process.execPath, '--import', 'tsx', runner, directory, ...podCidrs];
  const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (reason: Error) => void }>();
  let calls = 0;
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.resolve(answer);
    waiting.delete(answer.id);
  });
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the network process has ended'));
  });
  return {
    call: (call) =>
      new Promise((resolve, reject) => {
        calls += 1;
        waiting.set(calls, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ id: calls, call })}\n`);
      }),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
