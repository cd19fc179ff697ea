import type { CoreEvent, EventFilter } from '../../events/types.ts';
import type { DaemonState, NodeInfo } from './state.ts';

/** An answer of the local API: a status code and the JSON body. */
export interface Answer {
  readonly code: number;
  readonly body: object;
}

/** Longest request target that is looked at. */
const maxTargetLength = 4096;

type Handler = (state: DaemonState, parameters: readonly string[], query: URLSearchParams) => Answer;

/** The read-only part of the Kubernetes API that a node can answer about itself, and podwright's own status. */
const routes: readonly (readonly [pattern: RegExp, handler: Handler])[] = [
  [/^\/healthz$/, (state) => ok({ status: state.node().ready ? 'ok' : 'not ready' })],
  [/^\/podwright\/v1\/status$/, (state) => ok(statusDocument(state))],
  [/^\/api\/v1\/pods$/, (state) => ok(podList(state))],
  [/^\/api\/v1\/namespaces\/([^/]+)\/pods$/, (state, [namespace]) => ok(podList(state, namespace))],
  [/^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)$/, (state, [namespace, name]) => onePod(state, namespace, name)],
  [/^\/api\/v1\/events$/, (state, _, query) => ok(eventList(state, fieldSelector(query)))],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/events$/,
    (state, [namespace = ''], query) => ok(eventList(state, { ...fieldSelector(query), namespace })),
  ],
  [/^\/api\/v1\/nodes$/, (state) => ok(list('NodeList', [node(state.node())]))],
  [/^\/api\/v1\/nodes\/([^/]+)$/, (state, [name]) => oneNode(state, name)],
];

/** Answers a request from memory. Never throws for what the client sent. */
export function answer(state: DaemonState, method: string, target: string): Answer {
  if (target.length > maxTargetLength) return failure(414, 'RequestURITooLong', 'the request target is too long');
  const url = parseTarget(target);
  if (url === undefined) return failure(400, 'BadRequest', 'the request target is no path');
  for (const [pattern, handler] of routes) {
    const match = pattern.exec(url.pathname);
    if (match === null) continue;
    if (method !== 'GET') return failure(405, 'MethodNotAllowed', `${method} is not allowed here, only GET is`);
    const parameters = match.slice(1).map(decode);
    return parameters.includes(undefined)
      ? failure(400, 'BadRequest', 'the path is not encoded as a URL')
      : handler(state, parameters as string[], url.searchParams);
  }
  return failure(404, 'NotFound', 'the server could not find the requested resource');
}

function parseTarget(target: string): URL | undefined {
  return URL.canParse(target, 'http://localhost') ? new URL(target, 'http://localhost') : undefined;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

const ok = (body: object): Answer => ({ code: 200, body });

/** A v1 Status, as the API server answers what it cannot do. */
export function failure(code: number, reason: string, message: string): Answer {
  return { code, body: { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason, code } };
}

function list(kind: string, items: readonly object[]): object {
  return { apiVersion: 'v1', kind, metadata: {}, items };
}

function statusDocument(state: DaemonState): object {
  return { node: state.node(), pods: state.pods(), problems: state.problems() };
}

function podList(state: DaemonState, namespace?: string): object {
  const pods = state.pods().map(({ pod }) => pod);
  return list(
    'PodList',
    pods.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
  );
}

function onePod(state: DaemonState, namespace: string | undefined, name: string | undefined): Answer {
  const report = state.pods().find(({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name);
  return report === undefined ? failure(404, 'NotFound', `pods "${name ?? ''}" not found`) : ok(report.pod);
}

function oneNode(state: DaemonState, name: string | undefined): Answer {
  const info = state.node();
  return info.name === name ? ok(node(info)) : failure(404, 'NotFound', `nodes "${name ?? ''}" not found`);
}

function eventList(state: DaemonState, filter: EventFilter): object {
  const events: readonly CoreEvent[] = state.events(filter);
  return list('EventList', events);
}

/** The selectors that `kubectl describe` sends; others select nothing away. */
function fieldSelector(query: URLSearchParams): EventFilter {
  const terms = (query.get('fieldSelector') ?? '').split(',').map((term) => term.split(/==?/));
  const value = (field: string): string | undefined => terms.find(([name]) => name === field)?.[1];
  const uid = value('involvedObject.uid');
  const name = value('involvedObject.name');
  const namespace = value('involvedObject.namespace');
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function node(info: NodeInfo): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: info.name, labels: { 'kubernetes.io/hostname': info.name } },
    spec: {},
    status: {
      addresses: [
        ...info.addresses.map((address) => ({ type: 'InternalIP', address })),
        { type: 'Hostname', address: info.name },
      ],
      conditions: [
        {
          type: 'Ready',
          status: info.ready ? 'True' : 'False',
          reason: info.ready ? 'KubeletReady' : 'KubeletNotReady',
          message: info.ready ? 'podwright is posting ready status' : (info.reason ?? ''),
        },
      ],
      nodeInfo: {
        kubeletVersion: info.version,
        containerRuntimeVersion: `${info.runtime.name}://${info.runtime.version}`,
      },
    },
  };
}
