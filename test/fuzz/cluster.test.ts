import { createServer, METHODS } from 'node:http';
import { duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ApiStatusError, ApiUnavailableError } from '../../agent/api/errors.ts';
import { parseKubeconfig } from '../../agent/api/kubeconfig-parse.ts';
import type { Transport } from '../../agent/api/transport.ts';
import { watchOnce } from '../../agent/api/watch.ts';
import { parseClusterInfo, verifiedKubeconfig } from '../../agent/bootstrap/cluster-info.ts';
import { JoinError } from '../../agent/bootstrap/error.ts';
import { parseDiscoveryKubeconfig } from '../../agent/bootstrap/kubeconfig.ts';
import { ConfigError } from '../../agent/config/error.ts';
import { createHandlers } from '../../agent/server/kubelet/handlers.ts';
import { createFinder } from '../../agent/server/kubelet/router.ts';
import { kubeletRoutes } from '../../agent/server/kubelet/routes.ts';
import { deps } from '../unit/server/kubelet/fixtures.ts';
import { fuzz } from './fuzz.ts';

const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://192.0.2.1:6443", certificate-authority-data: QUJD}}]
users: [{name: u, user: {token: abc}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`;

test('kubeconfigs', async () => {
  const decode = (input: Buffer): unknown => parseKubeconfig('/k', input.toString('utf8'));
  await fuzz({ seeds: [kubeconfig], decode, refuses: (error) => error instanceof ConfigError });
});

describe('before a join trusts anybody', () => {
  const isJoinError = (error: unknown): boolean => error instanceof JoinError;

  test('cluster-info: nothing but what was signed is taken', async () => {
    const token = { id: 'abcdef', secret: '0123456789abcdef' };
    const body = JSON.stringify({ data: { kubeconfig, 'jws-kubeconfig-abcdef': 'e30..AA' } });
    const decode = (input: Buffer): void => {
      const data = parseClusterInfo(input.toString('utf8'));
      expect(() => verifiedKubeconfig(data, token)).toThrow(JoinError);
    };
    await fuzz({ seeds: [body], decode, refuses: isJoinError });
  });

  test('the kubeconfig of a discovery', async () => {
    const decode = (input: Buffer): unknown => parseDiscoveryKubeconfig('cluster-info', input.toString('utf8'));
    await fuzz({ seeds: [kubeconfig], decode, refuses: isJoinError });
  });
});

test('lines of a watch', async () => {
  const object = { metadata: { name: 'a', namespace: 'b', uid: 'c', resourceVersion: '7' }, spec: { containers: [] } };
  const line = (type: string, body: object): string => `${JSON.stringify({ type, object: body })}\n`;
  const decode = async (input: Buffer): Promise<void> => {
    const transport: Pick<Transport, 'stream'> = {
      // eslint-disable-next-line @typescript-eslint/require-await -- what is given is there at once
      async *stream(_call, opened) {
        opened();
        yield input;
      },
    };
    let count = 0;
    const clock = {
      sleep: (_ms: number, signal?: AbortSignal): Promise<void> =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted')))),
    };
    await watchOnce(
      transport,
      clock,
      {
        resource: { group: '', version: 'v1', plural: 'pods', namespaced: true },
        selection: {},
        resourceVersion: '1',
        timeoutSeconds: 300,
        handler: { applied: () => (count += 1), deleted: () => (count += 1) },
        opened: () => undefined,
        seen: (version) => expect(version).not.toBe(''),
      },
      new AbortController().signal,
    );
    expect(count).toBeLessThanOrEqual(input.length);
  };
  const status = { kind: 'Status', code: 410, message: 'too old' };
  await fuzz({
    seeds: [line('ADDED', object) + line('MODIFIED', object) + line('BOOKMARK', object), line('DELETED', object)],
    decode,
    refuses: (error) => error instanceof ApiStatusError || error instanceof ApiUnavailableError,
  });
  await expect(decode(Buffer.from(line('ERROR', status)))).rejects.toThrow(ApiStatusError);
});

/** A request that an HTTP parser takes: what it would refuse in the target is escaped. */
function requestOf(input: Buffer): string {
  const [, method = 'GET', target = ''] = /^([A-Z]+) (.*)$/s.exec(input.toString('latin1')) ?? [];
  const escaped = target.replaceAll(/[^!-~]/g, (character) => `%${Buffer.from(character, 'latin1').toString('hex')}`);
  const known = METHODS.includes(method) ? method : 'GET';
  return `${known} /${escaped} HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n`;
}

test('requests to the kubelet API', async () => {
  const handlers = createHandlers(createFinder(kubeletRoutes(deps({}))), { check: () => Promise.resolve() });
  const server = createServer({ keepAlive: false }, handlers.request);
  const decode = async (input: Buffer): Promise<void> => {
    const [near, far] = duplexPair();
    let answer = '';
    const answered = new Promise<void>((resolve) => {
      far.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1'))).once('end', resolve);
    });
    server.emit('connection', near);
    far.write(requestOf(input));
    await answered;
    near.destroy();
    far.destroy();
    expect(answer).toMatch(/^HTTP\/1\.1 [2345]\d\d /);
    expect(answer).not.toMatch(/TypeError|RangeError|root:/);
  };
  await fuzz({
    seeds: [
      'GET containerLogs/default/web-node-1/web?tailLines=5&follow=true&sinceSeconds=3',
      'POST exec/default/web-node-1/web?command=id&output=1',
      'GET logs/../../etc/passwd',
      'GET logs/%2e%2e/%2e%2e/etc/passwd',
      'GET pods',
      'POST run/default/web-node-1/web?cmd=ls%20-l',
      'POST checkpoint/default/web-node-1/web',
      'GET metrics/cadvisor',
    ],
    decode,
  });
  await handlers.stop();
});
