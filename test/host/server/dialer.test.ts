import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../../../agent/objects/types.ts';
import { createPodDialer } from '../../../agent/server/kubelet/index.ts';

/** Listens on both loopbacks; greets first, and answers only when the client's direction has ended. */
const server = `
const { createServer } = require('node:net');
const answer = (socket) => {
  socket.write('hello,');
  let heard = '';
  socket.on('data', (chunk) => (heard += chunk)).on('end', () => socket.end(heard + '.' + 'x'.repeat(300000)));
};
const listen = (port, host) => new Promise((done) => createServer({ allowHalfOpen: true }, answer).listen(port, host, done));
Promise.all([listen(7001, '127.0.0.1'), listen(7002, '::1')]).then(() => console.log('ready'));
`;

const namespace = `podwright-dial-${process.pid}`;
const netns = `/run/netns/${namespace}`;
const signal = AbortSignal.timeout(60_000);
const pod = { metadata: { name: 'web', uid: 'u1' }, spec: { containers: [] } } as unknown as Pod;
const dialer = createPodDialer({ networkNamespace: () => Promise.resolve(netns) });
let listening: ChildProcess;

beforeAll(async () => {
  execFileSync('ip', ['netns', 'add', namespace]);
  execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  listening = spawn('nsenter', [`--net=${netns}`, '--', process.execPath, '--eval', server], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (listening.stdout !== null) await once(listening.stdout, 'data');
}, 60_000);

afterAll(() => {
  dialer.stop();
  listening.kill('SIGKILL');
  execFileSync('ip', ['netns', 'del', namespace]);
});

async function talk(connection: Duplex, said: string): Promise<string> {
  const heard = text(connection);
  connection.end(said);
  return heard;
}

test.each([7001, 7002])('port %d answers after the end of what was sent, and nothing is lost', async (port) => {
  const connection = await dialer.dial(pod, port, signal);
  expect(await talk(connection, 'question')).toBe(`hello,question.${'x'.repeat(300_000)}`);
});

test('connections are open at the same time, and survive the end of what made them', async () => {
  const connections = await Promise.all([7001, 7002, 7001].map((port) => dialer.dial(pod, port, signal)));
  dialer.stop();
  const heard = await Promise.all(connections.map((connection, index) => talk(connection, `${index}`)));
  expect(heard.map((all) => all.slice(0, 8))).toEqual(['hello,0.', 'hello,1.', 'hello,2.']);
});

test('a port where nothing listens is refused', async () => {
  await expect(dialer.dial(pod, 7003, signal)).rejects.toThrow('ECONNREFUSED');
});

test('a pod on the network of the host is reached without its namespace', async () => {
  const onHost = { ...pod, spec: { ...pod.spec, hostNetwork: true } };
  await expect(dialer.dial(onHost, 7001, signal)).rejects.toThrow('ECONNREFUSED');
});

test('a namespace that is gone is told', async () => {
  const gone = createPodDialer({ networkNamespace: () => Promise.resolve('/proc/0/ns/net') });
  await expect(gone.dial(pod, 7001, signal)).rejects.toThrow('cannot enter /proc/0/ns/net');
});
