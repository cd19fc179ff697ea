import type { CoreEvent } from '../../events/types.ts';
import { progressText } from '../../images/progress.ts';
import type { Container, ContainerStatus, PodCondition } from '../../objects/types.ts';
import type { PodReport } from '../../server/local/state.ts';
import type { SourceProblem } from '../../sources/types.ts';
import { age } from './duration.ts';
import { summarisePod } from './pod-summary.ts';
import { renderProblem } from './render.ts';
import { renderTable } from './table.ts';

type ContainerState = NonNullable<ContainerStatus['state']>;

/** What `podwright status POD` prints, in the order and the words of `kubectl describe pod`. */
export function renderPod(
  report: PodReport,
  problems: readonly SourceProblem[],
  events: readonly CoreEvent[],
  now: number,
): string {
  const { pod, lastError, pulls = [] } = report;
  const lines = [
    ...renderHead(report, now),
    ...renderContainers('Init Containers:', pod.spec.initContainers, pod.status?.initContainerStatuses),
    ...renderContainers('Containers:', pod.spec.containers, pod.status?.containerStatuses),
    ...renderConditions(pod.status?.conditions ?? []),
    ...pulls.map((pull) => `Image Pull:  ${progressText(pull)}`),
    ...(lastError === undefined ? [] : [`Last Error:  ${lastError.message} (${age(lastError.time, now)} ago)`]),
    ...(problems.length === 0
      ? []
      : ['Manifest Problems:', ...problems.map((problem) => `  ${renderProblem(problem)}`)]),
    ...renderEvents(events, now),
  ];
  return `${lines.join('\n')}\n`;
}

function renderHead({ pod, origin, terminating }: PodReport, now: number): string[] {
  const { name, namespace, uid, labels, annotations } = pod.metadata;
  const { status, restarts } = summarisePod(pod, terminating, now);
  const ips = pod.status?.podIPs?.flatMap(({ ip }) => ip ?? []) ?? [];
  return renderTable([
    ['Name:', name],
    ['Namespace:', namespace],
    ['UID:', uid],
    ['Node:', `${pod.spec.nodeName}/${pod.status?.hostIP ?? ''}`],
    ['Start Time:', pod.status?.startTime ?? ''],
    ['Manifest:', origin],
    ['Labels:', pairs(labels)],
    ['Annotations:', pairs(annotations)],
    ['Status:', `${pod.status?.phase ?? 'Unknown'} (${status}, ${restarts} restarts)`],
    ['IP:', ips.join(', ') || '<none>'],
    ['QoS Class:', pod.status?.qosClass ?? ''],
    ['Restart Policy:', pod.spec.restartPolicy],
  ]);
}

function pairs(record: Readonly<Record<string, string>>): string {
  const entries = Object.entries(record).map(([key, value]) => `${key}=${value}`);
  return entries.length === 0 ? '<none>' : entries.join(', ');
}

function renderContainers(
  title: string,
  containers: readonly Container[] = [],
  statuses: readonly ContainerStatus[] = [],
): string[] {
  if (containers.length === 0) return [];
  const statusOf = (wanted: string): ContainerStatus | undefined => statuses.find(({ name }) => name === wanted);
  return [title, ...containers.flatMap((container) => renderContainer(container, statusOf(container.name)))];
}

function renderContainer(container: Container, status: ContainerStatus | undefined): string[] {
  const rows = [
    ['Container ID:', status?.containerID ?? ''],
    ['Image:', container.image],
    ['Image ID:', status?.imageID ?? ''],
    [
      'Ports:',
      container.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`).join(', ') || '<none>',
    ],
    [
      'Host Ports:',
      container.ports.map(({ hostPort, protocol }) => `${hostPort ?? 0}/${protocol}`).join(', ') || '<none>',
    ],
    ...command(container),
    ...renderState('State:', status?.state),
    ...(status?.lastState === undefined || Object.keys(status.lastState).length === 0
      ? []
      : renderState('Last State:', status.lastState)),
    ['Ready:', status?.ready === true ? 'True' : 'False'],
    ['Restart Count:', String(status?.restartCount ?? 0)],
    [
      'Mounts:',
      container.volumeMounts.map(({ name, mountPath }) => `${mountPath} from ${name}`).join(', ') || '<none>',
    ],
  ];
  return [`  ${container.name}:`, ...renderTable(rows).map((line) => `    ${line}`)];
}

function command({ command: entryPoint, args }: Container): string[][] {
  return [
    ...(entryPoint === undefined ? [] : [['Command:', JSON.stringify(entryPoint)]]),
    ...(args === undefined ? [] : [['Args:', JSON.stringify(args)]]),
  ];
}

function renderState(title: string, state: ContainerState | undefined): string[][] {
  if (state?.running !== undefined) return [[title, `Running since ${state.running.startedAt ?? ''}`]];
  if (state?.terminated !== undefined) {
    const { reason, exitCode, message, finishedAt } = state.terminated;
    const text = `Terminated: ${reason ?? ''} (exit code ${exitCode}) at ${finishedAt ?? ''}`;
    return [[title, message === undefined ? text : `${text}: ${message}`]];
  }
  const { reason = 'ContainerCreating', message = '' } = state?.waiting ?? {};
  return [[title, `Waiting: ${reason}${message === '' ? '' : `: ${message}`}`]];
}

function renderConditions(conditions: readonly PodCondition[]): string[] {
  const rows = conditions.map(({ type, status, reason = '', message = '' }) => [
    `  ${type}`,
    status,
    [reason, message].filter((text) => text !== '').join(': '),
  ]);
  return ['Conditions:', ...renderTable([['  Type', 'Status', 'Reason'], ...rows])];
}

function renderEvents(events: readonly CoreEvent[], now: number): string[] {
  if (events.length === 0) return ['Events:  <none>'];
  const rows = events.map(({ type, reason, message, lastTimestamp, firstTimestamp, count }) => [
    `  ${type}`,
    reason,
    count === 1 ? age(lastTimestamp, now) : `${age(lastTimestamp, now)} (x${count} over ${age(firstTimestamp, now)})`,
    message,
  ]);
  return ['Events:', ...renderTable([['  Type', 'Reason', 'Age', 'Message'], ...rows])];
}
