import type { ContainerStatus, Pod } from '../../objects/types.ts';
import type { LogOptions } from '../../runtime/types.ts';
import { AnswerError } from './answer.ts';

export interface LogPlan {
  /** ID that the runtime knows, without `docker://`. */
  readonly containerId: string;
  readonly options: LogOptions;
}

/**
 * What `GET …/pods/<name>/log` asks for, with the parameters of the Kubernetes API: `container`, `follow`, `previous`,
 * `timestamps`, `tailLines`, and `sinceSeconds` or `sinceTime`.
 *
 * @throws AnswerError in the words of the API server and the kubelet
 */
export function planLog(pod: Pod, query: URLSearchParams, now: number): LogPlan {
  const container = query.get('container') ?? onlyContainer(pod);
  const options = {
    follow: flag(query, 'follow'),
    timestamps: flag(query, 'timestamps'),
    tailLines: count(query, 'tailLines'),
    since: since(query, now),
  };
  return { containerId: loggedContainer(pod, container, flag(query, 'previous')), options };
}

/** `true` and `1` are true, as Go reads them. */
export function flag(query: URLSearchParams, name: string): boolean {
  return ['true', '1', 't', 'T', 'TRUE', 'True'].includes(query.get(name) ?? '');
}

/** The container of a pod that has one; the API server's message for one that has more. */
export function onlyContainer(pod: Pod): string {
  const names = pod.spec.containers.map(({ name }) => name);
  const [first, second] = names;
  if (first !== undefined && second === undefined) return first;
  const list = names.join(' ');
  throw badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${list}]`);
}

/** @throws AnswerError when the pod has no container of that name; init and ephemeral containers are looked at too */
export function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  if (![...containers, ...initContainers, ...ephemeralContainers].some(({ name }) => name === container)) {
    throw badRequest(`container ${container} is not valid for pod ${pod.metadata.name}`);
  }
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  return statuses.find(({ name }) => name === container);
}

/**
 * Which instance of a container a log is read of: the one that runs, the one that ended last, or with `previous` the one
 * before the current (kubelet: `validateContainerLogStatus` in `pkg/kubelet/kubelet_pods.go`).
 */
function loggedContainer(pod: Pod, name: string, previous: boolean): string {
  const status = statusOf(pod, name);
  const where = `container "${name}" in pod "${pod.metadata.name}"`;
  if (status === undefined) throw badRequest(`${where} is not available`);
  const last = idOf(status.lastState?.terminated?.containerID);
  if (previous) return last ?? fail(`previous terminated ${where} not found`);
  const { running, terminated, waiting } = status.state ?? {};
  if (running !== undefined) return idOf(status.containerID) ?? fail(`${where} is not available`);
  const ended = idOf(terminated?.containerID) ?? last;
  if (ended !== undefined) return ended;
  if (terminated !== undefined) throw badRequest(`${where} is terminated`);
  throw badRequest(
    `${where} is waiting to start${waiting === undefined ? ' - no logs yet' : `: ${whyWaiting(waiting)}`}`,
  );
}

function whyWaiting({ reason }: { readonly reason?: string }): string {
  if (reason === 'ErrImagePull') return "image can't be pulled";
  if (reason === 'ImagePullBackOff') return 'trying and failing to pull image';
  return reason ?? '';
}

/** The ID behind `docker://`. */
export function idOf(containerId: string | undefined): string | undefined {
  return /^[^:]+:\/\/(.+)$/.exec(containerId ?? '')?.[1];
}

function count(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name}: "${text}" is no number of 0 or more`);
  return Number(text);
}

/** Milliseconds since the epoch. */
function since(query: URLSearchParams, now: number): number | undefined {
  const seconds = query.get('sinceSeconds');
  const time = query.get('sinceTime');
  if (seconds !== null && time !== null) throw badRequest('at most one of sinceTime or sinceSeconds may be specified');
  if (seconds !== null) return sinceSeconds(seconds, now);
  if (time === null) return undefined;
  const parsed = Date.parse(time);
  if (Number.isNaN(parsed)) throw badRequest(`sinceTime: "${time}" is no time in RFC 3339`);
  return Math.max(0, parsed);
}

function sinceSeconds(text: string, now: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (value === 0) throw badRequest(`sinceSeconds: "${text}" is no number above 0`);
  return Math.max(0, now - value * 1000);
}

export function badRequest(message: string): AnswerError {
  return new AnswerError(400, 'BadRequest', message);
}

function fail(message: string): never {
  throw badRequest(message);
}
