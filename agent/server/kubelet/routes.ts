import type { Pod } from '../../objects/types.ts';
import { serveContainerLogs } from './container-logs.ts';
import { type Exchange, sendJson, sendText, TextError } from './exchange.ts';
import { healthzRoutes } from './healthz.ts';
import { serveNodeLogs } from './node-logs.ts';
import { get, getOrPost, type Handler, post, type Route } from './router.ts';
import { streamRoutes } from './stream-routes.ts';
import type { KubeletServerDeps, MetricsKind } from './types.ts';

const systemLogs = '/var/log';

/** What the read-only port serves too. */
export function readOnlyRoutes(deps: KubeletServerDeps): readonly Route[] {
  return [
    ...healthzRoutes(deps),
    get('/pods', ({ response }) => sendJson(response, podList(deps.pods()))),
    get('/stats/summary', (exchange) => serveSummary(deps, exchange)),
    get('/metrics', metricsHandler(deps, 'metrics')),
    ...(['cadvisor', 'resource', 'probes'] as const).map((kind) => get(`/metrics/${kind}`, metricsHandler(deps, kind))),
  ];
}

/** All that the kubelet's API has (`pkg/kubelet/server/server.go`), but for what this node cannot do. */
export function kubeletRoutes(deps: KubeletServerDeps): readonly Route[] {
  const { debuggingHandlers, systemLogHandler } = deps.settings;
  return [
    ...readOnlyRoutes(deps),
    get('/configz', ({ response }) => sendJson(response, { kubeletconfig: deps.configz() })),
    post('/checkpoint/:namespace/:pod/:container', refuseCheckpoint),
    ...(debuggingHandlers ? debuggingRoutes(deps) : disabled(debuggingPaths, 'Debug endpoints are disabled.')),
    ...(debuggingHandlers && systemLogHandler
      ? ['/logs', '/logs/*'].map((path) => get(path, (exchange) => serveNodeLogs(systemLogs, exchange)))
      : disabled(['logs'], debuggingHandlers ? 'logs endpoint is disabled.' : 'Debug endpoints are disabled.')),
  ];
}

function debuggingRoutes(deps: KubeletServerDeps): readonly Route[] {
  return [
    get('/runningpods', (exchange) => serveRunningPods(deps, exchange)),
    get('/containerLogs/:namespace/:pod/:container', (exchange) => serveContainerLogs(deps, exchange)),
    ...streamRoutes(deps),
  ];
}

const debuggingPaths = ['run', 'exec', 'attach', 'portForward', 'containerLogs', 'runningpods'];

function disabled(paths: readonly string[], message: string): readonly Route[] {
  const refuse: Handler = () => {
    throw new TextError(405, `${message}\n`);
  };
  return paths.flatMap((path) => [getOrPost(`/${path}`, refuse), getOrPost(`/${path}/*`, refuse)]);
}

const podList = (items: readonly object[]): object => ({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items });

/** What the runtime has, which may be another thing than what the node is told to run. */
async function serveRunningPods({ runtime, pods }: KubeletServerDeps, { response, signal }: Exchange): Promise<void> {
  const known = new Map(pods().map((pod) => [pod.metadata.uid, pod]));
  const running = (await runtime.listPods(signal)).filter(({ containers }) => containers.some((one) => one.running));
  const items = running.map(({ pod, containers }) => {
    const imageOf = (name: string): string => imageIn(known.get(pod.uid), name);
    const names = containers.filter((one) => one.running).map(({ name }) => name);
    return {
      metadata: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      spec: { containers: names.map((name) => ({ name, image: imageOf(name), resources: {} })) },
      status: {},
    };
  });
  sendJson(response, podList(items));
}

function imageIn(pod: Pod | undefined, name: string): string {
  const { containers = [], initContainers = [] } = pod?.spec ?? {};
  return [...containers, ...initContainers].find((container) => container.name === name)?.image ?? '';
}

async function serveSummary({ metrics }: KubeletServerDeps, { query, response, signal }: Exchange): Promise<void> {
  const asked = query.get('only_cpu_and_memory') ?? '';
  if (!['', 'true', 'false', '1', '0'].includes(asked)) {
    throw new TextError(400, `only_cpu_and_memory: ${JSON.stringify(asked)} is neither true nor false`);
  }
  sendJson(response, await metrics.summary(asked === 'true' || asked === '1', signal));
}

const metricsHandler =
  ({ metrics }: KubeletServerDeps, kind: MetricsKind): Handler =>
  async ({ response, signal }) => {
    const text = await metrics.render(kind, signal);
    sendText(response, 200, text, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  };

/** Docker's checkpoints are no CRI archives. */
const refuseCheckpoint: Handler = () => {
  throw new TextError(501, 'checkpoints of containers are not supported by this node\n');
};
