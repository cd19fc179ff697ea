import { isNotFound } from '../../api/errors.ts';
import { type ApiClient, type ApiObject, type Resource, resources } from '../../api/types.ts';
import type { Pod } from '../../objects/types.ts';

/** Which of the runtime's handlers run pods. */
export interface RuntimeHandlers {
  /**
   * The handler that a pod's RuntimeClass names; undefined for the runtime's default. What is found once holds for the pod's life.
   *
   * @throws Error when there is no such RuntimeClass, or the runtime does not have its handler
   */
  handler(pod: Pod, signal: AbortSignal): Promise<string | undefined>;
  /** The pod is gone. */
  forget(uid: string): void;
}

export interface RuntimeHandlersOptions {
  readonly client: Pick<ApiClient, 'get' | 'serves'>;
  /** Names of the handlers that the runtime has now. */
  readonly available: (signal: AbortSignal) => Promise<readonly string[]>;
}

interface RuntimeClass extends ApiObject {
  readonly handler?: string;
}

/** Handlers that are what Docker runs containers with unless it is told otherwise. */
const defaultHandlers: ReadonlySet<string> = new Set(['', 'docker', 'runc']);

/** Servers before 1.20 have no other version. */
const runtimeClassesBeta: Resource = { ...resources.runtimeClasses, version: 'v1beta1' };

/** Follows `pkg/kubelet/runtimeclass/runtimeclass_manager.go` and KEP-585, but reads a class only when a pod names it. */
export function createRuntimeHandlers({ client, available }: RuntimeHandlersOptions): RuntimeHandlers {
  const found = new Map<string, string | undefined>();

  const lookUp = async (name: string, signal: AbortSignal): Promise<string | undefined> => {
    const handler = await handlerOf(client, name, signal);
    if (defaultHandlers.has(handler)) return undefined;
    const names = await available(signal);
    if (names.includes(handler)) return handler;
    throw new Error(
      `RuntimeClass ${JSON.stringify(name)} names the handler ${JSON.stringify(handler)}, which Docker does not have ` +
        `(it has ${names.join(', ')}): add it to "runtimes" in Docker's daemon.json`,
    );
  };

  return {
    handler: async (pod, signal) => {
      const { runtimeClassName } = pod.spec;
      const { uid } = pod.metadata;
      if (!runtimeClassName || found.has(uid)) return found.get(uid);
      const handler = await lookUp(runtimeClassName, signal);
      signal.throwIfAborted();
      found.set(uid, handler);
      return handler;
    },
    forget: (uid) => void found.delete(uid),
  };
}

async function handlerOf(client: RuntimeHandlersOptions['client'], name: string, signal: AbortSignal): Promise<string> {
  const isV1 = await client.serves('node.k8s.io/v1', 'runtimeclasses', signal);
  try {
    const { handler } = await client.get<RuntimeClass>(
      isV1 ? resources.runtimeClasses : runtimeClassesBeta,
      { name },
      signal,
    );
    return handler ?? '';
  } catch (error) {
    if (isNotFound(error)) throw new Error(`RuntimeClass ${JSON.stringify(name)} not found`, { cause: error });
    throw error;
  }
}
