import type { Taint } from '../../admission/types.ts';
import { type ApiClient, type ApiObject, resources } from '../../api/types.ts';

/** The Node as the API server has it, for what is decided by it on this node. */
export interface KnownNode {
  take(node: ApiObject): void;
  /** Undefined before the Node was seen. */
  labels(): Readonly<Record<string, string>> | undefined;
  taints(): readonly Taint[];
  /** Reads it now; keeps what is known when the server does not answer. */
  read(signal: AbortSignal): Promise<void>;
}

export function createKnownNode(client: Pick<ApiClient, 'get'>, name: string): KnownNode {
  let node: ApiObject | undefined;
  return {
    take: (next) => {
      node = next;
    },
    labels: () => node && (node.metadata.labels ?? {}),
    taints: () => (node?.['spec'] as { readonly taints?: readonly Taint[] } | undefined)?.taints ?? [],
    read: async (signal) => {
      node = await client.get(resources.nodes, { name }, signal).catch(() => node);
      signal.throwIfAborted();
    },
  };
}
