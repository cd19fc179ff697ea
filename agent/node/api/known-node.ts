import type { Taint } from '../../admission/types.ts';
import { type ApiClient, type ApiObject, resources } from '../../api/types.ts';

/** This node's Node as the API server has it: held here, for all that goes by it. */
export interface KnownNode {
  /** Undefined before it was seen, and when the server has none any more. */
  current(): ApiObject | undefined;
  uid(): string | undefined;
  /** Of the last one that was seen, also when that is gone: pods are judged by it then. Undefined before. */
  labels(): Readonly<Record<string, string>> | undefined;
  taints(): readonly Taint[];
  take(node: ApiObject): void;
  /** The server has none any more. */
  gone(): void;
  /** Reads it now; keeps what is known when the server does not answer. */
  read(signal: AbortSignal): Promise<void>;
  /** @param listener is told each Node that is taken, also when nothing in it has changed */
  subscribe(listener: (node: ApiObject) => void): () => void;
}

export function createKnownNode(client: Pick<ApiClient, 'get'>, name: string): KnownNode {
  const listeners = new Set<(node: ApiObject) => void>();
  let node: ApiObject | undefined;
  let isGone = false;
  const current = (): ApiObject | undefined => (isGone ? undefined : node);
  const take = (next: ApiObject): void => {
    node = next;
    isGone = false;
    for (const listener of listeners) listener(next);
  };
  return {
    current,
    take,
    uid: () => current()?.metadata.uid,
    labels: () => node && (node.metadata.labels ?? {}),
    taints: () => (node?.['spec'] as { readonly taints?: readonly Taint[] } | undefined)?.taints ?? [],
    gone: () => {
      isGone = true;
    },
    read: async (signal) => {
      const found = await client.get(resources.nodes, { name }, signal).catch(() => undefined);
      signal.throwIfAborted();
      if (found !== undefined) take(found);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
