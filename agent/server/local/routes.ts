import type { CoreEvent, EventFilter } from '../../events/types.ts';
import { type Answer, failure, ok } from './answer.ts';
import { eventFilter } from './event-filter.ts';
import type { DaemonState, NodeInfo } from './state.ts';
import { answerTrace } from './trace-answer.ts';
import { isAnswer, matchPath, parseTarget } from './target.ts';

type Handler = (state: DaemonState, parameters: readonly string[], query: URLSearchParams) => Answer;

/** The read-only part of the Kubernetes API that a node can answer about itself, and podwright's own status. */
const routes: readonly (readonly [pattern: RegExp, handler: Handler])[] = [
  [/^\/healthz$/, (state) => ok({ status: state.node().ready ? 'ok' : 'not ready' })],
  [/^\/podwright\/v1\/status$/, (state) => ok(statusDocument(state))],
  [/^\/podwright\/v1\/services$/, (state) => ok(state.services())],
  [/^\/podwright\/v1\/trace$/, (state, _, query) => answerTrace(state, query)],
  [/^\/api\/v1\/pods$/, (state) => ok(podList(state))],
  [/^\/api\/v1\/namespaces\/([^/]+)\/pods$/, (state, [namespace]) => ok(podList(state, namespace))],
  [/^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)$/, (state, [namespace, name]) => onePod(state, namespace, name)],
  [/^\/api\/v1\/events$/, (state, _, query) => ok(eventList(state, eventFilter(query, undefined)))],
  [
    /^\/api\/v1\/namespaces\/([^/]+)\/events$/,
    (state, [namespace = ''], query) => ok(eventList(state, eventFilter(query, namespace))),
  ],
  [/^\/api\/v1\/nodes$/, (state) => ok(list('NodeList', [node(state.node())]))],
  [/^\/api\/v1\/nodes\/([^/]+)$/, (state, [name]) => oneNode(state, name)],
];

/** Answers a request from memory. Never throws for what the client sent. */
export function answer(state: DaemonState, method: string, text: string): Answer {
  const target = parseTarget(text);
  if (isAnswer(target)) return target;
  for (const [pattern, handler] of routes) {
    const parameters = matchPath(pattern, target.path);
    if (parameters === undefined) continue;
    if (method !== 'GET') return failure(405, 'MethodNotAllowed', `${method} is not allowed here, only GET is`);
    return isAnswer(parameters) ? parameters : handler(state, parameters, target.query);
  }
  return failure(404, 'NotFound', 'the server could not find the requested resource');
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
