import type { Pod } from '../../objects/types.ts';
import { AnswerError } from './answer.ts';
import { badRequest, flag, idOf, onlyContainer, statusOf } from './log-plan.ts';

export interface ExecPlan {
  readonly containerId: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
}

/**
 * What `…/pods/<name>/exec` asks for, with the parameters of the Kubernetes API: `container`, `command` once an argument,
 * `stdin`, `tty`. Output always comes; with a terminal all of it is stdout.
 *
 * @throws AnswerError for a pod that is over, and for a container that does not run (kubelet: `container not found`)
 */
export function planExec(pod: Pod, query: URLSearchParams): ExecPlan {
  const command = query.getAll('command');
  if (command.length === 0) throw badRequest('you must specify at least one command for the container');
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  }
  const container = query.get('container') ?? onlyContainer(pod);
  const status = statusOf(pod, container);
  const containerId = status?.state?.running === undefined ? undefined : idOf(status.containerID);
  if (containerId === undefined) throw new AnswerError(404, 'NotFound', notRunning(container, status?.state));
  return { containerId, command, stdin: flag(query, 'stdin'), tty: flag(query, 'tty') };
}

type State = NonNullable<ReturnType<typeof statusOf>>['state'];

function notRunning(container: string, state: State): string {
  const reason = state?.waiting?.reason ?? state?.terminated?.reason;
  return `container not found ("${container}")${reason === undefined ? '' : `: it does not run: ${reason}`}`;
}
