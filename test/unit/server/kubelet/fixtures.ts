import { mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { request as plainRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ApiUnavailableError } from '../../../../agent/api/errors.ts';
import type { ApiClient, Resource } from '../../../../agent/api/types.ts';
import type { Config } from '../../../../agent/config/index.ts';
import { createKubeletServer, type KubeletServerDeps, serverSettings } from '../../../../agent/server/kubelet/index.ts';
import { pod } from '../fixtures.ts';
import type { Credentials } from './pki.ts';

/** A review as it was sent; `spec` says what was asked. */
interface Review {
  readonly kind: string;
  readonly spec: {
    readonly token?: string;
    readonly user?: string;
    readonly groups?: readonly string[];
    readonly resourceAttributes?: Readonly<Record<string, string>>;
  };
}

export interface FakeApi {
  readonly client: ApiClient;
  readonly reviews: Review[];
  /** Makes the API server unreachable. */
  down: boolean;
}

/** Knows tokens by their users, and rights as `user verb subresource`. */
export function fakeApi(tokens: Readonly<Record<string, string>>, rights: readonly string[]): FakeApi {
  const reviews: Review[] = [];
  const create = (_resource: Resource, _path: object, body: object): Promise<unknown> => {
    const review = body as Review;
    reviews.push(review);
    if (api.down) return Promise.reject(new ApiUnavailableError('connect ECONNREFUSED'));
    return Promise.resolve({ ...review, status: statusOf(review) });
  };
  const statusOf = ({ kind, spec }: Review): object => {
    const username = tokens[spec.token ?? ''];
    const { verb = '', subresource = '' } = spec.resourceAttributes ?? {};
    if (kind === 'SubjectAccessReview')
      return { allowed: rights.includes(`${spec.user ?? ''} ${verb} ${subresource}`) };
    return username === undefined
      ? { authenticated: false }
      : { authenticated: true, user: { username, groups: ['g'] } };
  };
  const api: FakeApi = { client: { create } as unknown as ApiClient, reviews, down: false };
  return api;
}

export const webPod = pod('web', {
  podIP: '192.0.2.7',
  phase: 'Running',
  containerStatuses: [
    {
      name: 'web',
      image: 'web:1',
      imageID: '',
      ready: true,
      restartCount: 0,
      containerID: 'docker://c1',
      state: { running: { startedAt: '2026-03-01T12:00:00Z' } },
    },
  ],
});

export function deps(
  kubelet: Config['kubelet'],
  { rootDir = newDirectory(), ...change }: Partial<KubeletServerDeps> & { readonly rootDir?: string } = {},
): KubeletServerDeps {
  const none = (): Promise<never> => Promise.reject(new Error('there is no runtime here'));
  return {
    settings: { ...serverSettings({ kubelet, rootDir }), port: 0, healthz: undefined, address: '127.0.0.1' },
    nodeName: 'node-1',
    hosts: () => ['node-1', '127.0.0.1', '2001:db8::1'],
    api: undefined,
    runtime: { containerLogs: none, exec: none, execSync: none, attach: none, listPods: none },
    pods: () => [webPod],
    metrics: {
      summary: (onlyCpuAndMemory) => Promise.resolve({ onlyCpuAndMemory }),
      render: (kind) => Promise.resolve(`# ${kind}\n`),
    },
    streaming: { serveCommand: none, servePortForward: none },
    dialer: { dial: none },
    syncLoopProblem: () => undefined,
    configz: () => ({ maxPods: 3 }),
    log: pino({ level: 'silent' }),
    now: () => Date.now(),
    ...change,
  };
}

export interface Running {
  readonly port: (what?: 'kubelet' | 'healthz' | 'readOnly') => number;
  /** Has a property for each listener that is there. */
  readonly ports: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** Starts a server and waits until as many of its listeners as named listen. */
export async function start(parts: KubeletServerDeps, listeners = 1): Promise<Running> {
  const stopping = new AbortController();
  const ports: Record<string, number> = {};
  let run: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    run = createKubeletServer(parts).run(stopping.signal, (what, port) => {
      ports[what] = port;
      if (Object.keys(ports).length === listeners) resolve();
    });
    run.then(() => resolve(), reject);
  });
  return {
    ports,
    port: (what = 'kubelet') => ports[what] ?? 0,
    stop: async () => {
      stopping.abort();
      await run;
    },
  };
}

export interface Call {
  readonly method?: string;
  readonly token?: string;
  readonly credentials?: Credentials;
  readonly headers?: Readonly<Record<string, string>>;
  readonly plain?: boolean;
}

export interface Reply {
  readonly code: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export function call(port: number, path: string, { plain = false, ...how }: Call = {}): Promise<Reply> {
  const headers = {
    ...how.headers,
    ...(how.token === undefined ? {} : { authorization: `Bearer ${how.token}` }),
  };
  const base = { port, path, method: how.method ?? 'GET', headers, agent: false, host: '127.0.0.1' };
  return new Promise((resolve, reject) => {
    const sent = plain ? plainRequest(base) : request({ ...base, ...how.credentials, rejectUnauthorized: false });
    sent.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject).on('end', () => {
        resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), headers: response.headers });
      });
    });
    sent.end();
  });
}

export const newDirectory = (): string => mkdtempSync(join(tmpdir(), 'podwright-kubelet-'));

export function write(directory: string, name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}
