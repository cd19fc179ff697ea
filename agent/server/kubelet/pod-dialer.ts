import { connect, type Socket } from 'node:net';
import type { Pod } from '../../objects/types.ts';
import type { ContainerRuntime } from '../../runtime/types.ts';
import { NamespaceDialer } from './namespace-dialer.ts';
import type { PodDialer } from './types.ts';

export interface PodDialers extends PodDialer {
  /** Ends the helpers; connections stay. */
  stop(): void;
}

/** Connects to `localhost` as a pod sees it, in whatever way the pod has its network. */
export function createPodDialer(runtime: Pick<ContainerRuntime, 'networkNamespace'>): PodDialers {
  const dialers = new Map<string, NamespaceDialer>();
  const dialerOf = (netns: string): NamespaceDialer => {
    const known = dialers.get(netns);
    if (known !== undefined) return known;
    const dialer = new NamespaceDialer(netns, () => {
      if (dialers.get(netns) === dialer) dialers.delete(netns);
    });
    dialers.set(netns, dialer);
    return dialer;
  };
  return {
    dial: async ({ metadata, spec }: Pod, port, signal) => {
      if (spec.hostNetwork === true) return dialHost(port, ['127.0.0.1', '::1'], signal);
      const netns = await runtime.networkNamespace(metadata.uid, signal);
      if (netns === undefined) throw new Error(`the sandbox of pod ${metadata.name} does not run`);
      return dialerOf(netns).dial(port, signal);
    },
    stop: () => {
      for (const dialer of dialers.values()) dialer.stop();
      dialers.clear();
    },
  };
}

/** @param hosts tried one after the other; the failure of the first one is told */
async function dialHost(port: number, hosts: readonly string[], signal: AbortSignal): Promise<Socket> {
  const [host, ...others] = hosts;
  try {
    return await open(host ?? '', port, signal);
  } catch (error) {
    if (others.length === 0 || signal.aborted) throw error;
    return dialHost(port, others, signal).catch(() => Promise.reject(error as Error));
  }
}

function open(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', reject).once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', reject);
      resolve(socket);
    });
    if (signal.aborted) abort();
  });
}
