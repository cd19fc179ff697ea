import { basename } from 'node:path';
import type { Pod } from '../../objects/types.ts';
import type { NodeInfo, PodReport } from '../../server/local/state.ts';
import type { SourceProblem } from '../../sources/types.ts';
import type { StatusDocument } from '../local-client.ts';
import { age } from './duration.ts';
import { summarisePod } from './pod-summary.ts';
import { renderTable } from './table.ts';

/**
 * The page that `podwright status` prints: node, runtime and network, a row a pod, the last error of each pod, and what
 * is wrong with the manifests.
 */
export function renderStatus({ node, pods, problems }: StatusDocument, now: number, wide = false): string {
  const sections = [
    renderNode(node, now),
    renderPods(pods, now, wide),
    renderErrors(pods, now),
    renderProblems(problems),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function renderNode(node: NodeInfo, now: number): string[] {
  const { runtime, network } = node;
  return renderTable([
    ['Node:', `${node.name}  ${node.ready ? 'Ready' : `NotReady: ${node.reason ?? ''}`}`],
    ['Podwright:', `${node.version}, up ${age(node.startedAt, now)}`],
    [
      'Runtime:',
      runtime.reachable ? `${runtime.name} ${runtime.version}` : `${runtime.name} is away: ${runtime.error ?? ''}`,
    ],
    [
      'Network:',
      `${network.name} ${network.cidrs.join(',')}  ${network.ready ? 'ready' : `not ready: ${network.reason ?? ''}`}`,
    ],
    ...apiServer(node, now),
    ...pressure(node.conditions),
    ['Manifests:', node.manifestDir],
  ]);
}

function apiServer({ apiServer: server }: NodeInfo, now: number): string[][] {
  if (server === undefined) return [];
  const { url, reachable, since, error } = server;
  return [
    ['API server:', `${url}  ${reachable ? 'answers' : `away for ${age(since, now)}: ${error ?? ''}`}`.trimStart()],
  ];
}

/** What runs short, and nothing when nothing does. */
function pressure(conditions: NodeInfo['conditions']): string[][] {
  const met = conditions.filter(({ status }) => status === 'True').map(({ type }) => type);
  return met.length === 0 ? [] : [['Pressure:', met.join(', ')]];
}

const wideHeader = ['UID', 'QOS', 'IMAGES'];

function wideCells({ metadata, spec, status }: Pod): string[] {
  return [metadata.uid, status?.qosClass ?? '', spec.containers.map(({ image }) => image).join(',')];
}

function renderPods(pods: readonly PodReport[], now: number, wide: boolean): string[] {
  if (pods.length === 0) return ['No pods.'];
  const header = [
    'NAMESPACE',
    'NAME',
    'READY',
    'STATUS',
    'RESTARTS',
    'AGE',
    'IP',
    'MANIFEST',
    ...(wide ? wideHeader : []),
  ];
  const rows = [...pods].sort(byName).map(({ pod, origin, terminating }) => {
    const { ready, status, restarts, ip } = summarisePod(pod, terminating, now);
    const { namespace, name } = pod.metadata;
    return [
      namespace,
      name,
      ready,
      status,
      restarts,
      age(pod.status?.startTime, now),
      ip,
      basename(origin) || '<gone>',
      ...(wide ? wideCells(pod) : []),
    ];
  });
  return renderTable([header, ...rows]);
}

function byName(a: PodReport, b: PodReport): number {
  const key = ({ pod }: PodReport): string => `${pod.metadata.namespace}/${pod.metadata.name}`;
  return key(a) < key(b) ? -1 : 1;
}

function renderErrors(pods: readonly PodReport[], now: number): string[] {
  const failing = pods.filter(({ lastError }) => lastError !== undefined).sort(byName);
  if (failing.length === 0) return [];
  const lines = failing.map(
    ({ pod, lastError }) =>
      `  ${pod.metadata.namespace}/${pod.metadata.name} (${age(lastError?.time, now)} ago): ${lastError?.message ?? ''}`,
  );
  return ['Errors:', ...lines];
}

function renderProblems(problems: readonly SourceProblem[]): string[] {
  if (problems.length === 0) return [];
  return ['Manifest problems:', ...problems.map((problem) => `  ${renderProblem(problem)}`)];
}

/** `file:line: error: path: message` */
export function renderProblem({ origin, line, path, severity, message }: SourceProblem): string {
  const place = line === undefined ? origin : `${origin}:${line}`;
  return `${place}: ${severity}: ${path === undefined || path === '' ? '' : `${path}: `}${message}`;
}
