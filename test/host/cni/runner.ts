/*
 * The pod network in a process of its own, in the namespace that the process is started in: `/proc/sys` and the programs
 * that it runs are of that namespace, as they are for the daemon. Reads a call a line from standard input, and writes an
 * answer a line.
 */

import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { type Attachment, type ClusterNodes, CniError, createPodNetwork, exec, type Exec } from '../../../cni/index.ts';

/** A verb with its arguments, as they go over the pipe. */
export type Call =
  | { readonly verb: 'setup' | 'status' }
  | { readonly verb: 'add' | 'del' | 'check'; readonly attachment: Attachment }
  | { readonly verb: 'gc'; readonly valid: readonly string[] }
  | { readonly verb: 'setNodes'; readonly nodes: ClusterNodes };

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly code?: number };
  /** Programs that were run for the call, when it was the only one. */
  readonly ran: readonly string[];
}

function main(directory: string, podCidrs: readonly string[]): void {
  let ran: string[] = [];
  const counting: Exec = (request, signal) => {
    ran.push([request.file, ...request.args].join(' '));
    return exec(request, signal);
  };
  const { signal } = new AbortController();
  const network = createPodNetwork({
    confDir: join(directory, 'conf'),
    binDirs: [join(directory, 'bin')],
    cacheDir: join(directory, 'cache'),
    dataDir: join(directory, 'networks'),
    podCidrs,
    exec: counting,
    onWarning: (message, fields) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  });

  const run = async (call: Call): Promise<unknown> => {
    switch (call.verb) {
      case 'setup':
        return network.setup(signal);
      case 'status':
        return network.status();
      case 'gc':
        return network.gc(() => Promise.resolve(new Set(call.valid)), signal);
      case 'setNodes':
        return network.setNodes(call.nodes);
      case 'add':
      case 'del':
      case 'check':
        return network[call.verb](call.attachment, signal);
    }
  };

  const answer = async (id: number, call: Call): Promise<Answer> => {
    ran = [];
    try {
      return { id, result: await run(call), ran };
    } catch (error) {
      const { name, message } = error as Error;
      return { id, error: { name, message, ...(error instanceof CniError ? { code: error.code } : {}) }, ran };
    }
  };

  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, call } = JSON.parse(line) as { id: number; call: Call };
    void answer(id, call).then((value) => process.stdout.write(`${JSON.stringify(value)}\n`));
  });
}

const [directory = '', ...podCidrs] = process.argv.slice(2);
main(directory, podCidrs);
