import type { ServiceImpl } from '@connectrpc/connect';
import { Code, ConnectError } from '@connectrpc/connect';
import { messageOf } from '../../../cni/index.ts';
import { CgroupDriver, type RuntimeService } from '../../cri/api_pb.js';
import type { ContainerListEntry } from '../../runtime/docker/api.ts';
import type { DockerClient } from '../../runtime/docker/index.ts';
import { decodePod, label } from '../../runtime/docker/labels.ts';
import { isSandbox } from '../../runtime/docker/pod-status.ts';
import type { ContainerRuntime } from '../../runtime/types.ts';
import {
  isAsked,
  matchesContainer,
  matchesSandbox,
  toContainer,
  toContainerStatus,
  toPodSandbox,
  toPodSandboxStatus,
} from './render.ts';

export interface CriDeps {
  readonly client: DockerClient;
  readonly runtime: ContainerRuntime;
  /** Tears a sandbox's network down, where nobody else does, and stops it. */
  readonly stopSandbox: (id: string, signal: AbortSignal) => Promise<void>;
  readonly sandboxImage: string;
  /** Ends what is under way with the server. */
  readonly lifetime: AbortSignal;
}

type Service = Partial<ServiceImpl<typeof RuntimeService>>;

/**
 * CRI's `RuntimeService`, as far as podwright leaves pods to others: it tells of them, and ends them. Whoever would create them
 * is told that this is not implemented.
 */
export function createRuntimeService(deps: CriDeps): Service {
  return { ...aboutRuntime(deps), ...sandboxes(deps), ...containers(deps) };
}

/** Of the API itself; the field is older than the API's own versions, and dockershim's value is what clients know. */
const kubeApiVersion = '0.1.0';

function aboutRuntime({ client, sandboxImage }: CriDeps): Service {
  return {
    version: async (_, { signal }) => ({
      version: kubeApiVersion,
      runtimeName: 'docker',
      runtimeVersion: (await client.version(signal)).Version,
      runtimeApiVersion: 'v1',
    }),
    status: async ({ verbose }, { signal }) => {
      const problem = await client.info(signal).then(
        () => undefined,
        (error: unknown) => messageOf(error),
      );
      const runtime =
        problem === undefined
          ? { type: 'RuntimeReady', status: true }
          : { type: 'RuntimeReady', status: false, reason: 'DockerDaemonNotReady', message: problem };
      return {
        // The network is podwright's own: it is there when the daemon is, of which the Node's conditions tell.
        status: { conditions: [runtime, { type: 'NetworkReady', status: true }] },
        info: verbose ? { config: JSON.stringify({ sandboxImage }) } : {},
      };
    },
    runtimeConfig: async (_, { signal }) => {
      const isSystemd = (await client.info(signal)).CgroupDriver === 'systemd';
      return { linux: { cgroupDriver: isSystemd ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS } };
    },
    // The pod's addresses are not the runtime's business here.
    updateRuntimeConfig: () => ({}),
  };
}

function sandboxes(deps: CriDeps): Service {
  const { client, runtime, stopSandbox, lifetime: signal } = deps;
  return {
    listPodSandbox: async ({ filter }, context) => {
      const items = (await list(client, context.signal)).filter(isSandbox).map(toPodSandbox);
      return { items: items.filter((item) => matchesSandbox(item, filter)) };
    },
    podSandboxStatus: async ({ podSandboxId }, context) => {
      const entry = required('sandbox', podSandboxId, (await list(client, context.signal)).filter(isSandbox));
      const status = (await runtime.podStatus(decodePod(entry.Labels).uid, context.signal)).sandboxes.find(
        ({ id }) => id === entry.Id,
      );
      if (status === undefined) throw notFound('sandbox', podSandboxId);
      return { status: toPodSandboxStatus(entry, status), info: {} };
    },
    // A client waits for two seconds and asks again: what it has begun goes on meanwhile.
    stopPodSandbox: async ({ podSandboxId }) => {
      const { sandbox, members } = await sandboxOf(client, podSandboxId, signal);
      if (sandbox === undefined) return {};
      // First the sandbox: a daemon that runs would start its containers once more.
      await stopSandbox(sandbox.Id, signal);
      await Promise.all(members.map(({ Id }) => runtime.stopContainer(Id, 0, signal)));
      return {};
    },
    removePodSandbox: async ({ podSandboxId }) => {
      const { sandbox, members } = await sandboxOf(client, podSandboxId, signal);
      if (sandbox === undefined) return {};
      await stopSandbox(sandbox.Id, signal);
      await Promise.all(members.map(({ Id }) => runtime.removeContainer(Id, signal)));
      await runtime.removePodSandbox(sandbox.Id, signal);
      return {};
    },
  };
}

function containers({ client, runtime }: CriDeps): Service {
  const all = async (signal: AbortSignal): Promise<readonly ContainerListEntry[]> =>
    (await list(client, signal)).filter((entry) => !isSandbox(entry));
  return {
    listContainers: async ({ filter }, { signal }) => {
      const found = (await all(signal)).map(toContainer);
      return { containers: found.filter((container) => matchesContainer(container, filter)) };
    },
    containerStatus: async ({ containerId }, { signal }) => {
      const entry = required('container', containerId, await all(signal));
      const pod = await runtime.podStatus(decodePod(entry.Labels).uid, signal);
      const status = pod.containers.find(({ id }) => id === entry.Id);
      if (status === undefined) throw notFound('container', containerId);
      // Docker tells the image by the ID that the container was made of.
      const tag = (await runtime.imageStatus(status.imageId, signal))?.tags[0];
      return { status: toContainerStatus(entry, { ...status, image: tag ?? status.image }), info: {} };
    },
    stopContainer: async ({ containerId, timeout }, { signal }) => {
      const entry = one('container', containerId, await all(signal));
      if (entry !== undefined) await runtime.stopContainer(entry.Id, Number(timeout), signal);
      return {};
    },
    removeContainer: async ({ containerId }, { signal }) => {
      const entry = one('container', containerId, await all(signal));
      if (entry !== undefined) await runtime.removeContainer(entry.Id, signal);
      return {};
    },
    execSync: async ({ containerId, cmd, timeout }, { signal }) => {
      const entry = required('container', containerId, await all(signal));
      const timeoutMs = Math.min(Number(timeout) * 1_000, longestExecMs);
      const { stdout, stderr, exitCode } = await runtime.execSync(entry.Id, cmd, timeoutMs, signal);
      return { stdout: Buffer.from(stdout), stderr: Buffer.from(stderr), exitCode };
    },
  };
}

/** The longest that a timer of Node.js waits; a longer one ends at once. */
const longestExecMs = 2 ** 31 - 1;

/** Sandboxes and containers of pods, newest first. */
const list = (client: DockerClient, signal: AbortSignal): Promise<readonly ContainerListEntry[]> =>
  client.listContainers([label.podUid], signal);

/**
 * A sandbox with the containers in it; without one there is nothing left to do. Ended containers of former sandboxes that are
 * gone, which are kept for their logs, count to any of the pod.
 */
async function sandboxOf(
  client: DockerClient,
  id: string,
  signal: AbortSignal,
): Promise<{ readonly sandbox: ContainerListEntry | undefined; readonly members: readonly ContainerListEntry[] }> {
  const entries = await list(client, signal);
  const sandboxes = entries.filter(isSandbox);
  const sandbox = one('sandbox', id, sandboxes);
  const others = new Set(sandboxes.map(({ Id }) => Id).filter((other) => other !== sandbox?.Id));
  const isMember = ({ Labels }: ContainerListEntry): boolean =>
    Labels[label.podUid] === sandbox?.Labels[label.podUid] && !others.has(Labels[label.sandboxId] ?? '');
  return { sandbox, members: entries.filter((entry) => !isSandbox(entry) && isMember(entry)) };
}

function one(what: string, asked: string, entries: readonly ContainerListEntry[]): ContainerListEntry | undefined {
  const [found, another] = entries.filter(({ Id }) => isAsked(Id, asked));
  if (another === undefined) return found;
  throw new ConnectError(`${what} ${asked}: more than one ID begins so`, Code.InvalidArgument);
}

function required(what: string, asked: string, entries: readonly ContainerListEntry[]): ContainerListEntry {
  const found = one(what, asked, entries);
  if (found === undefined) throw notFound(what, asked);
  return found;
}

const notFound = (what: string, id: string): ConnectError => new ConnectError(`no such ${what}: ${id}`, Code.NotFound);
