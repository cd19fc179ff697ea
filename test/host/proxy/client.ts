import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { netnsPath } from '../cni/namespaces.ts';
import type { Transport } from '../cni/traffic.ts';

/**
 * Makes connections as it is told, and says what each met: the server's answer, `refused`, `silence`, or the code of another error.
 * It goes on in rounds until it has met `want` different things, and so long as there were less than `most` connections.
 */
const clientProgram = `
  const net = require('node:net'), dgram = require('node:dgram');
  const errorOf = ({ code }) => (code === 'ECONNREFUSED' ? 'refused' : code);
  const tcp = ({ host, port }, done) => {
    let text = '';
    const socket = net.connect(port, host);
    socket.on('data', (data) => { text += data; });
    socket.on('end', () => done(text));
    socket.on('error', (error) => done(errorOf(error)));
    return () => socket.destroy();
  };
  const udp = ({ host, port }, done) => {
    const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (data) => done(String(data)));
    socket.on('error', (error) => done(errorOf(error)));
    socket.connect(port, host, () => socket.send('hello'));
    return () => socket.close();
  };
  const attempt = (question) => new Promise((resolve) => {
    const timer = setTimeout(() => done('silence'), question.waitMs);
    const done = (met) => { clearTimeout(timer); close(); resolve(met); };
    const close = (question.transport === 'TCP' ? tcp : udp)(question, done);
  });
  require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
    const { id, ...question } = JSON.parse(line);
    const met = [];
    do met.push(...(await Promise.all(Array.from({ length: question.round }, () => attempt(question)))));
    while (met.length < question.most && new Set(met).size < question.want);
    console.log(JSON.stringify({ id, met }));
  });
  console.log('ready');
`;

export interface Questions {
  readonly host: string;
  readonly port: number;
  readonly transport: Transport;
  readonly waitMs: number;
  /** Connections at the same time. */
  readonly round: number;
  /** Default: as many as a round has. */
  readonly most?: number;
  /** Default: as many as there are connections. */
  readonly want?: number;
}

/** A process in a namespace that makes many connections, so that none of them costs the start of one. */
export interface Client {
  /** What each connection met. */
  ask(questions: Questions): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function startClient(namespace: string): Promise<Client> {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    'nsenter',
    [`--net=${netnsPath(namespace)}`, process.execPath, '-e', clientProgram],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const waiting = new Map<number, (met: readonly string[]) => void>();
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  lines.on('line', (line) => {
    const { id, met } = JSON.parse(line) as { readonly id: number; readonly met: readonly string[] };
    waiting.get(id)?.(met);
    waiting.delete(id);
  });
  let asked = 0;
  return {
    ask: ({ most = 1, want = Infinity, ...rest }) =>
      new Promise((resolve) => {
        const id = (asked += 1);
        waiting.set(id, resolve);
        child.stdin.write(`${JSON.stringify({ id, most, want: Math.min(want, most), ...rest })}\n`);
      }),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
