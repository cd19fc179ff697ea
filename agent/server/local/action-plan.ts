import type { EventFilter } from '../../events/types.ts';
import type { Pod } from '../../objects/types.ts';
import { type Answer, AnswerError, failure } from './answer.ts';
import { type ExecPlan, planExec } from './exec-plan.ts';
import { eventFilter } from './event-filter.ts';
import { flag, type LogPlan, planLog } from './log-plan.ts';
import type { DaemonState } from './state.ts';
import { isAnswer, matchPath, type Target } from './target.ts';

/** What a request asks the node to do, where it asks for more than an answer from memory. */
export type Action =
  | { readonly do: 'answer'; readonly answer: Answer }
  | { readonly do: 'log'; readonly plan: LogPlan }
  | { readonly do: 'exec'; readonly plan: ExecPlan }
  | { readonly do: 'watch'; readonly filter: EventFilter }
  | { readonly do: 'rerun'; readonly pod: Pod }
  | { readonly do: 'services-in-kernel' };

const podPattern = /^\/(?:api|podwright)\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/(log|exec|rerun)$/;
const eventPattern = /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?events$/;

/**
 * Reads `GET /api/v1/namespaces/<ns>/pods/<pod>/{log,exec}`, `GET …/events?watch=true` and
 * `POST /podwright/v1/namespaces/<ns>/pods/<pod>/rerun` and
 * `GET /podwright/v1/services?kernel=true`. Undefined for other requests.
 *
 * @param now milliseconds since the epoch
 */
export function planAction(state: DaemonState, method: string, target: Target, now: number): Action | undefined {
  try {
    return planPodAction(state, method, target, now) ?? planWatch(method, target) ?? planServices(method, target);
  } catch (error) {
    if (error instanceof AnswerError) return { do: 'answer', answer: error.answer };
    throw error;
  }
}

function planPodAction(state: DaemonState, method: string, { path, query }: Target, now: number): Action | undefined {
  const parts = matchPath(podPattern, path);
  if (parts === undefined) return undefined;
  if (isAnswer(parts)) return { do: 'answer', answer: parts };
  const [namespace = '', name = '', verb] = parts;
  const allowed = verb === 'rerun' ? ['POST'] : verb === 'exec' ? ['GET', 'POST'] : ['GET'];
  if (!allowed.includes(method)) return notAllowed(method, allowed);
  const pod = podOf(state, namespace, name);
  if (verb === 'log') return { do: 'log', plan: planLog(pod, query, now) };
  return verb === 'exec' ? { do: 'exec', plan: planExec(pod, query) } : { do: 'rerun', pod };
}

function planWatch(method: string, { path, query }: Target): Action | undefined {
  if (method !== 'GET' || !flag(query, 'watch')) return undefined;
  const parts = matchPath(eventPattern, path);
  if (parts === undefined) return undefined;
  if (isAnswer(parts)) return { do: 'answer', answer: parts };
  return { do: 'watch', filter: eventFilter(query, parts[0] === '' ? undefined : parts[0]) };
}

function planServices(method: string, { path, query }: Target): Action | undefined {
  const isAsked = method === 'GET' && path === '/podwright/v1/services' && flag(query, 'kernel');
  return isAsked ? { do: 'services-in-kernel' } : undefined;
}

function podOf(state: DaemonState, namespace: string, name: string): Pod {
  const report = state.pods().find(({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name);
  if (report === undefined) throw new AnswerError(404, 'NotFound', `pods "${name}" not found`);
  return report.pod;
}

function notAllowed(method: string, allowed: readonly string[]): Action {
  const message = `${method} is not allowed here, only ${allowed.join(' and ')}`;
  return { do: 'answer', answer: failure(405, 'MethodNotAllowed', message) };
}
