import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Namespaces, netnsPath } from './namespaces.ts';

/** Another machine on the host's own network, and the addresses of both there. */
export interface Peer {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly hostAddresses: readonly string[];
}

/** Joins a namespace to the host's by 198.51.100.0/24 and 2001:db8:2::/64. It has no route to pods. */
export function connectPeer(spaces: Namespaces): Peer {
  const [name = ''] = spaces.addPods(1);
  spaces.run(spaces.host, 'ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  const sides = [
    { namespace: spaces.host, link: 'up0', host: 1 },
    { namespace: name, link: 'eth0', host: 2 },
  ];
  for (const { namespace, link, host } of sides) {
    spaces.run(namespace, 'ip', 'link', 'set', link, 'up');
    spaces.run(namespace, 'ip', 'addr', 'add', `198.51.100.${host}/24`, 'dev', link);
    spaces.run(namespace, 'ip', 'addr', 'add', `2001:db8:2::${host}/64`, 'dev', link, 'nodad');
  }
  return {
    name,
    addresses: ['198.51.100.2', '2001:db8:2::2'],
    hostAddresses: ['198.51.100.1', '2001:db8:2::1'],
  };
}

export type Transport = 'TCP' | 'UDP';

/** Tells each client the server's name and the address that the client came from. */
const serverProgram = `
  const [name, port] = process.argv.slice(1);
  const plain = (ip) => ip.replace(/^::ffff:/, '');
  const udp = require('node:dgram').createSocket('udp6');
  udp.on('message', (_, from) => udp.send(name + ' ' + plain(from.address), from.port, from.address));
  const tcp = require('node:net').createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(name + ' ' + plain(socket.remoteAddress ?? ''));
  });
  udp.bind(Number(port), '::', () => tcp.listen(Number(port), '::', () => console.log('ready')));
`;

const clientProgram = `
  const [transport, host, port, wait] = process.argv.slice(1);
  const done = (text) => { process.stdout.write(text); process.exit(0); };
  setTimeout(() => done('no answer'), Number(wait));
  if (transport === 'TCP') {
    const socket = require('node:net').connect(Number(port), host);
    let text = '';
    socket.on('data', (data) => { text += data; });
    socket.on('end', () => done(text));
    socket.on('error', () => done('no answer'));
  } else {
    const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (data) => done(String(data)));
    socket.on('error', () => done('no answer'));
    socket.send('hello', Number(port), host);
  }
`;

/**
 * Starts a server in a namespace, on TCP and UDP and both families; it listens when the promise resolves.
 *
 * @param name what it calls itself
 */
export async function serve(namespace: string, port: number, name = namespace): Promise<{ stop: () => void }> {
  const args = [`--net=${netnsPath(namespace)}`, process.execPath, '-e', serverProgram, name, String(port)];
  const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return { stop: () => child.kill('SIGKILL') };
}

export interface Question {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly transport?: Transport;
  readonly waitMs?: number;
}

/** `<server's name> <client's address>` as the server saw it, or `no answer`. */
export function ask(spaces: Namespaces, { from, to, port, transport = 'TCP', waitMs = 3_000 }: Question): string {
  return spaces.run(from, process.execPath, '-e', clientProgram, transport, to, String(port), String(waitMs));
}
