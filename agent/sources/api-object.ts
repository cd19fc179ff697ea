import { ApiStatusError, isForbidden, isNotFound } from '../api/errors.ts';
import type { ApiClient, ApiObject, ObjectPath, Resource } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import { createWakeup } from '../wakeup.ts';

/** One object that pods of this node name. */
export interface SingleObject {
  readonly resource: Resource;
  readonly path: ObjectPath;
}

export interface ObjectListener {
  /** As the server has it; undefined: it has none. */
  found(object: ApiObject | undefined): void;
  /** The server does not let the node read it; what is known of it stays. */
  refused(): void;
}

export interface ObjectDeps {
  readonly client: Pick<ApiClient, 'follow' | 'get'>;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

/** Keeps one object up to date by a watch, until `signal` is aborted. */
export async function watchObject(
  { client, log }: ObjectDeps,
  { resource, path }: SingleObject,
  listener: ObjectListener,
  signal: AbortSignal,
): Promise<void> {
  let isKnown = false;
  const found = (object: ApiObject | undefined): void => {
    isKnown = true;
    listener.found(object);
  };
  // The first list is what the server has in memory, which is behind where a pod came right after what it names.
  const confirm = async (): Promise<void> => {
    const object = await client.get(resource, path, signal).catch(() => undefined);
    if (!isKnown && !signal.aborted) found(object);
  };
  const handler = {
    listed: ([object]: readonly ApiObject[]): void => {
      if (object !== undefined || isKnown) found(object);
      else void confirm();
    },
    applied: found,
    deleted: (): void => found(undefined),
    lost: (error: unknown, failures: number): void => {
      // That the server is away is told once, not for each object.
      if (failures === 1 && error instanceof ApiStatusError) warn(log, { resource, path }, error);
      // Nothing is gained by waiting: the pod says what it lacks. A server that has just started may refuse what it gave before.
      if (!isForbidden(error) && !isNotFound(error)) return;
      isKnown = true;
      listener.refused();
    },
  };
  const { name, namespace } = path;
  const selection = { ...(namespace === undefined ? {} : { namespace }), fieldSelector: `metadata.name=${name}` };
  await client.follow(resource, selection, handler, signal);
}

/** Between two questions for an object that is not yet as it is to be; each time twice as long. */
const firstPauseMs = 1_000;
const longestPauseMs = 10_000;
/** For one that is: should it change all the same. */
const settledPauseMs = 600_000;

function pauseMs(unsettled: number): number {
  return unsettled === 0 ? settledPauseMs : Math.min(firstPauseMs * 2 ** (unsettled - 1), longestPauseMs);
}

/** Asks for one object at the start, when it is told to, and again and again while it is not as it is to be. */
export interface AskedObject {
  askAgain(): void;
  /** Rejects with the signal's reason. */
  run(signal: AbortSignal): Promise<never>;
}

/**
 * For what a node may get and neither list nor watch: claims and volumes (authorizeGet of
 * `plugin/pkg/auth/authorizer/node/node_authorizer.go`). The kubelet asks for them until they are mounted, and then no more.
 *
 * @param isSettled whether an object will stay as it is
 */
export function askForObject(
  { client, clock, log }: ObjectDeps,
  subject: SingleObject,
  listener: ObjectListener,
  isSettled: (object: ApiObject) => boolean,
): AskedObject {
  const wakeup = createWakeup(clock);
  let isToldOf = false;

  /** @returns whether no further question is needed */
  const ask = async (signal: AbortSignal): Promise<boolean> => {
    try {
      const object = await client.get(subject.resource, subject.path, signal);
      isToldOf = false;
      listener.found(object);
      return isSettled(object);
    } catch (error) {
      signal.throwIfAborted();
      if (isNotFound(error)) listener.found(undefined);
      if (isForbidden(error)) listener.refused();
      if (!isToldOf && !isNotFound(error) && error instanceof ApiStatusError) warn(log, subject, error);
      isToldOf = true;
      return false;
    }
  };
  return {
    askAgain: () => wakeup.wake(),
    run: async (signal) => {
      for (let unsettled = 0; ; await wakeup.sleep(pauseMs(unsettled), signal)) {
        unsettled = (await ask(signal)) ? 0 : unsettled + 1;
      }
    },
  };
}

function warn(log: ObjectDeps['log'], { resource, path }: SingleObject, error: ApiStatusError): void {
  log.warn({ err: error, resource: resource.plural, ...path }, 'an object that a pod names cannot be read');
}
