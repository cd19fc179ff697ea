import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import dns, { type Packet } from 'dns-packet';
import { pino } from 'pino';
import { type ApiObject, createApiClient, kubeconfigReader, resources } from '../../agent/api/index.ts';
import type { FollowHandler, Resource } from '../../agent/api/types.ts';
import { systemClock } from '../../agent/clock.ts';
import { clusterZone, type EndpointsObject, keyOf, type Lookup, type ServiceObject } from './dns-zone.ts';

/*
 * The name server of the test cluster, run in a network namespace of the lab by world.ts:
 *
 *     dns-server.ts KUBECONFIG ADDRESS
 *
 * It answers for cluster.local, and knows no other name: the lab has no way out.
 */

const [kubeconfig = '', address = ''] = process.argv.slice(2);
const client = createApiClient({
  ...{ connection: kubeconfigReader(kubeconfig), clock: systemClock, userAgent: 'podwright-conformance/dns' },
  log: pino({ level: 'warn' }),
});
const services = new Map<string, ServiceObject>();
const endpoints = new Map<string, EndpointsObject>();
/** Made when it is asked for after a change. */
let zone: Lookup | undefined;

function keep<T extends ApiObject>(resource: Resource, objects: Map<string, T>): void {
  const set = (items: readonly T[]): void => {
    for (const item of items) objects.set(keyOf(item), item);
    zone = undefined;
  };
  const handler: FollowHandler<T> = {
    listed: (items) => {
      objects.clear();
      set(items);
    },
    applied: (object) => set([object]),
    deleted: (object) => {
      objects.delete(keyOf(object));
      zone = undefined;
    },
  };
  void client.follow(resource, {}, handler, new AbortController().signal);
}

const nameError = 3;

function answer({ id = 0, flags = 0, questions = [] }: Packet): Packet {
  zone ??= clusterZone('cluster.local', [...services.values()], [...endpoints.values()]);
  const found = questions.map(zone);
  const code = found.includes(undefined) ? nameError : 0;
  const own = dns.AUTHORITATIVE_ANSWER | dns.RECURSION_AVAILABLE | code;
  const answers = found.flatMap((records) => records ?? []);
  return { type: 'response', id, questions, answers, flags: own | (flags & dns.RECURSION_DESIRED) };
}

function serveUdp(): void {
  const socket = createSocket('udp4');
  socket.on('message', (message, { port, address: to }) =>
    socket.send(dns.encode(answer(dns.decode(message))), port, to),
  );
  socket.bind(53, address);
}

/** Each message follows its length in two octets (RFC 1035, 4.2.2). */
function serveTcp(): void {
  const server = createServer((socket) => {
    let received: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        socket.write(dns.streamEncode(answer(dns.streamDecode(received.subarray(0, end)))));
        received = received.subarray(end);
      }
    });
  });
  server.listen(53, address);
}

keep(resources.services, services);
keep(resources.endpoints, endpoints);
serveUdp();
serveTcp();
