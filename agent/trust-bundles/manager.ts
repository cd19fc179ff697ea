import { ApiStatusError, isForbidden, isNotFound } from '../api/errors.ts';
import { type ApiClient, type ApiObject, type Resource, resources } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import type { Pod } from '../objects/types.ts';
import { untilAborted } from '../until-aborted.ts';
import { type TrustBundle, type TrustBundleSource, trustAnchors } from './anchors-plan.ts';

/** The certificates that pods of this node are to trust. Nothing is asked of the server before a pod wants some. */
export interface TrustBundles {
  /**
   * Certificates in PEM, see {@link trustAnchors}.
   *
   * @throws Error when there are none, or the server does not have such objects or does not give them
   */
  anchors(pod: Pod, source: TrustBundleSource, signal: AbortSignal): Promise<string>;
  /** The pod is gone. */
  forget(uid: string): void;
  /**
   * Tells which pods are to ask again, each time that a bundle changes, until `signal` is aborted.
   *
   * @param onChange with the UID of the pod
   */
  run(onChange: (uid: string) => void, signal: AbortSignal): Promise<void>;
}

export interface TrustBundlesOptions {
  readonly client: Pick<ApiClient, 'follow' | 'serves'>;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

/** As long as the kubelet waits for the first list. */
const patienceMs = 10_000;

/** Newest first; the kubelet looks for them in this order. */
const versions: readonly Resource[] = ['v1', 'v1beta1', 'v1alpha1'].map((version) => ({
  ...resources.clusterTrustBundles,
  version,
}));

/** All bundles that the server has, in one version: a node may list them. */
interface Followed {
  readonly bundles: ReadonlyMap<string, TrustBundle>;
  /** Resolves when they were listed, or cannot be. */
  readonly answered: Promise<void>;
  readonly state: FollowedState;
  readonly ended: Promise<void>;
}

interface FollowedState {
  isAnswered: boolean;
  /** Why they cannot be had. */
  problem: Error | undefined;
}

/** As the kubelet's manager (`pkg/kubelet/clustertrustbundle`), but looks again for a version that the server did not have. */
export function createTrustBundles(options: TrustBundlesOptions): TrustBundles {
  const { client, clock } = options;
  const users = new Set<string>();
  const life = new AbortController();
  let current: Followed | undefined;
  let tell: (uid: string) => void = () => undefined;

  const changed = (): void => {
    for (const uid of users) tell(uid);
  };
  const followed = async (signal: AbortSignal): Promise<Followed> => {
    if (current !== undefined && !isNotFound(current.state.problem)) return current;
    const resource = await servedVersion(client, signal);
    if (current === undefined || isNotFound(current.state.problem))
      current = followBundles(options, resource, changed, life.signal);
    return current;
  };

  return {
    anchors: async (pod, source, signal) => {
      users.add(pod.metadata.uid);
      const { bundles, answered, state } = await followed(signal);
      if (!state.isAnswered) await Promise.race([answered, clock.sleep(patienceMs, signal)]);
      if (state.problem !== undefined) throw state.problem;
      if (!state.isAnswered) throw new Error('ClusterTrustBundles have not been read yet');
      return trustAnchors([...bundles.values()], source);
    },
    forget: (uid) => void users.delete(uid),
    run: async (onChange, signal) => {
      tell = onChange;
      await untilAborted(signal);
      life.abort(signal.reason);
      await current?.ended;
      signal.throwIfAborted();
    },
  };
}

/** Until `life` is aborted, or the server does not have this version any more. */
function followBundles(
  { client, log }: TrustBundlesOptions,
  resource: Resource,
  onChange: () => void,
  life: AbortSignal,
): Followed {
  const bundles = new Map<string, TrustBundle>();
  const state: FollowedState = { isAnswered: false, problem: undefined };
  const over = new AbortController();
  let resolve = (): void => undefined;
  const answered = new Promise<void>((done) => (resolve = done));
  const answer = (problem?: Error): void => {
    Object.assign(state, { isAnswered: true, problem });
    resolve();
    onChange();
  };
  const put = (object: ApiObject): void => void bundles.set(object.metadata.name, bundleOf(object));
  const handler = {
    listed: (items: readonly ApiObject[]): void => {
      bundles.clear();
      items.forEach(put);
      answer();
    },
    applied: (object: ApiObject): void => {
      put(object);
      answer();
    },
    deleted: ({ metadata }: ApiObject): void => {
      bundles.delete(metadata.name);
      answer();
    },
    lost: (error: unknown, failures: number): void => {
      if (failures === 1 && error instanceof ApiStatusError)
        log.warn({ err: error }, 'ClusterTrustBundles cannot be read');
      if (isNotFound(error)) over.abort(error);
      if (!isForbidden(error) && !isNotFound(error)) return;
      // Told once: the follower asks again and again, and pods have nothing to gain from the same answer.
      if (state.problem === undefined) answer(error);
      else state.problem = error;
    },
  };
  const ended = client.follow(resource, {}, handler, AbortSignal.any([life, over.signal])).catch(() => undefined);
  return { bundles, answered, state, ended };
}

async function servedVersion(client: Pick<ApiClient, 'serves'>, signal: AbortSignal): Promise<Resource> {
  for (const resource of versions) {
    const { group, version, plural } = resource;
    if (await client.serves(`${group}/${version}`, plural, signal)) return resource;
  }
  throw new Error(
    'the API server does not serve ClusterTrustBundles: enable certificates.k8s.io/v1beta1 and its feature gate there',
  );
}

function bundleOf({ metadata, spec }: ApiObject): TrustBundle {
  const { signerName = '', trustBundle = '' } = (spec ?? {}) as Partial<TrustBundle>;
  return { name: metadata.name, labels: metadata.labels ?? {}, signerName, trustBundle };
}
