import { createHash } from 'node:crypto';
import pLimit, { type LimitFunction } from 'p-limit';
import { messageOf } from '../../cni/index.ts';
import { Backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { EventRecorder, ObjectReference } from '../events/types.ts';
import type { ContainerList } from '../objects/container-path.ts';
import {
  type ContainerRuntime,
  type ImageAuth,
  type ImageStatus,
  type PodIdentity,
  RuntimeUnavailableError,
} from '../runtime/types.ts';
import { lookUpCredentials } from './credentials-plan.ts';
import type { Credentials } from './credentials.ts';
import { ImageError, pullError } from './errors.ts';
import type { PullProgress } from './progress.ts';
import type { TokenBucket } from '../token-bucket.ts';
import { type PullPolicy, pulledMessage, quote, shouldPull } from './pull-plan.ts';
import { missingSecretsMessage, type PullSecrets } from './pull-secrets.ts';
import { type PullWatchDeps, type WatchedPull, watchPull } from './pull-watch.ts';
import { pullWithCredentials } from './pull-with.ts';
import { applyDefaultTag } from './reference.ts';
import { SharedTasks } from './shared-task.ts';

/** The kubelet's image back-off (`kubelet.go`, imageBackOffPeriod and MaxImageBackOff). */
const BACKOFF_INITIAL_MS = 10_000;
const BACKOFF_MAX_MS = 300_000;
/** As dockershim's flag `--image-pull-progress-deadline` had it. */
const STALL_MS = 60_000;

export interface ImageRequest {
  readonly pod: PodIdentity;
  /** Undefined for the image of a volume, whose events are the pod's. */
  readonly container?: string;
  /** The list of the pod's spec that the container is in, which events name; default `containers`. */
  readonly list?: ContainerList;
  /** As the manifest has it. */
  readonly image: string;
  readonly policy: PullPolicy;
  /** The pod's own credentials, looked up when there is something to pull; tried before those of the node. */
  readonly pullSecrets?: () => PullSecrets;
}

export interface ImagePuller {
  /**
   * Resolves when the image is on the host and may be used. All events of the way there are recorded, with the words of
   * the kubelet (`pkg/kubelet/images/image_manager.go`).
   *
   * @throws {@link ImageError} for the container's waiting state
   * @throws {@link RuntimeUnavailableError} unchanged: says nothing about the image, so it neither backs off nor records
   */
  ensureImage(request: ImageRequest, signal: AbortSignal): Promise<ImageStatus>;
  /** The pulls that are under way. */
  pulls(): readonly PullProgress[];
}

export interface ImagePullerDeps {
  readonly runtime: Pick<ContainerRuntime, 'imageStatus' | 'pullImage'>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: PullWatchDeps['log'];
  /** Pulls at one time: 1 for `serializeImagePulls`, else `maxParallelImagePulls`; no limit when undefined. */
  readonly maxParallelPulls: number | undefined;
  /** `registryPullQPS` and `registryBurst`. */
  readonly limit: TokenBucket;
  /** The node's own credentials for an image. */
  readonly credentials: Credentials;
  /** A pull without progress for this long is cancelled; default 60,000. */
  readonly stallMs?: number;
}

interface Pulled {
  readonly status: ImageStatus;
  readonly pullMs: number;
}

/** A request on its way. */
interface Attempt extends ImageRequest {
  /** The image name with its tag, as it goes to the runtime. */
  readonly reference: string;
  readonly record: RecordEvent;
}

type RecordEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

export function createImagePuller(deps: ImagePullerDeps): ImagePuller {
  return new Puller(deps);
}

class Puller implements ImagePuller {
  readonly #deps: ImagePullerDeps;
  readonly #slots: LimitFunction;
  readonly #pulls = new SharedTasks<Pulled>();
  readonly #underWay = new Set<WatchedPull>();
  readonly #backoff: Backoff;
  /** What the last pull of a pod and image said, for the time that it backs off. */
  readonly #lastErrors = new Map<string, string>();

  constructor(deps: ImagePullerDeps) {
    this.#deps = deps;
    this.#slots = pLimit(deps.maxParallelPulls ?? Number.POSITIVE_INFINITY);
    this.#backoff = new Backoff({ clock: deps.clock, initialMs: BACKOFF_INITIAL_MS, maxMs: BACKOFF_MAX_MS });
  }

  async ensureImage(request: ImageRequest, signal: AbortSignal): Promise<ImageStatus> {
    const record = recorderFor(this.#deps.events, request);
    try {
      return await this.#ensure({ ...request, reference: taggedName(request.image, record), record }, signal);
    } catch (error) {
      if (error instanceof ImageError) record('Warning', 'Failed', `Error: ${error.reason}`);
      throw error;
    }
  }

  pulls(): readonly PullProgress[] {
    return [...this.#underWay].map((pull) => pull.progress());
  }

  async #ensure(attempt: Attempt, signal: AbortSignal): Promise<ImageStatus> {
    const { image, policy, record } = attempt;
    const present = await this.#inspect(attempt, signal);
    if (shouldPull(policy, present !== undefined)) return await this.#pullUnlessBackingOff(attempt, signal);
    if (present !== undefined) {
      record('Normal', 'Pulled', `Container image ${quote(image)} already present on machine`);
      return present;
    }
    const message = `Container image ${quote(image)} is not present with pull policy of Never`;
    record('Warning', 'ErrImageNeverPull', message);
    throw new ImageError('ErrImageNeverPull', message);
  }

  async #inspect({ image, reference, record }: Attempt, signal: AbortSignal): Promise<ImageStatus | undefined> {
    try {
      return await this.#deps.runtime.imageStatus(reference, signal);
    } catch (error) {
      if (signal.aborted || error instanceof RuntimeUnavailableError) throw error;
      const message = `Failed to inspect image ${quote(image)}: ${messageOf(error)}`;
      record('Warning', 'InspectFailed', message);
      throw new ImageError('ImageInspectError', message, error);
    }
  }

  async #pullUnlessBackingOff(attempt: Attempt, signal: AbortSignal): Promise<ImageStatus> {
    const { pod, image, record } = attempt;
    const key = `${pod.uid}_${image}`;
    if (this.#backoff.isInBackOffSinceUpdate(key, this.#deps.clock.now())) {
      const message = `Back-off pulling image ${quote(image)}`;
      record('Normal', 'BackOff', message);
      const lastError = this.#lastErrors.get(key);
      throw new ImageError('ImagePullBackOff', lastError === undefined ? message : `${message}: ${lastError}`);
    }
    this.#lastErrors.delete(key);
    try {
      return await this.#pull(attempt, signal);
    } catch (error) {
      if (signal.aborted || error instanceof RuntimeUnavailableError) throw error;
      record('Warning', 'Failed', `Failed to pull image ${quote(image)}: ${messageOf(error)}`);
      this.#backoff.next(key, this.#deps.clock.now());
      const failure = pullError(image, error);
      this.#lastErrors.set(key, `${failure.reason}: ${failure.message}`);
      throw failure;
    } finally {
      this.#forgetOldBackoffs();
    }
  }

  async #pull(attempt: Attempt, signal: AbortSignal): Promise<ImageStatus> {
    const { image, reference, record } = attempt;
    const { clock } = this.#deps;
    record('Normal', 'Pulling', `Pulling image ${quote(image)}`);
    const requestedAt = clock.now();
    const auths = await this.#credentials(attempt, signal);
    const { status, pullMs } = await this.#pulls.run(
      pullKey(reference, auths),
      (pullSignal) => this.#slots(() => this.#pullNow(reference, auths, pullSignal)),
      signal,
    );
    const totalMs = clock.now() - requestedAt;
    record('Normal', 'Pulled', pulledMessage(image, { pullMs, totalMs, sizeBytes: status.size }));
    return status;
  }

  /** Those of the pod are tried before those of the node. */
  async #credentials({ pod, reference, pullSecrets }: Attempt, signal: AbortSignal): Promise<readonly ImageAuth[]> {
    const { keyring, missing } = pullSecrets?.() ?? { keyring: [], missing: [] };
    if (missing.length > 0) {
      const reason = 'FailedToRetrieveImagePullSecret';
      this.#deps.events.event({ kind: 'Pod', ...pod }, 'Warning', reason, missingSecretsMessage(missing));
    }
    return [...lookUpCredentials(keyring, reference), ...(await this.#deps.credentials(reference, signal))];
  }

  async #pullNow(reference: string, auths: readonly ImageAuth[], signal: AbortSignal): Promise<Pulled> {
    signal.throwIfAborted(); // everybody left while it waited for a slot
    const { clock, log, limit, runtime, stallMs = STALL_MS } = this.#deps;
    if (!limit.tryTake()) throw new Error('pull QPS exceeded');
    const watched = watchPull(reference, { clock, log, stallMs });
    this.#underWay.add(watched);
    try {
      const status = await watched.run(
        (pullSignal, onLayer) => pullWithCredentials(runtime, reference, auths, pullSignal, onLayer),
        signal,
      );
      return { status, pullMs: clock.now() - watched.progress().startedAt };
    } finally {
      this.#underWay.delete(watched);
    }
  }

  #forgetOldBackoffs(): void {
    this.#backoff.gc();
    for (const key of this.#lastErrors.keys()) if (this.#backoff.get(key) === 0) this.#lastErrors.delete(key);
  }
}

function taggedName(image: string, record: RecordEvent): string {
  try {
    return applyDefaultTag(image);
  } catch (error) {
    const detail = `couldn't parse image name ${quote(image)}: ${messageOf(error)}`;
    const message = `Failed to apply default image tag ${quote(image)}: ${detail}`;
    record('Warning', 'InspectFailed', message);
    throw new ImageError('InvalidImageName', message, error);
  }
}

/** Two pods share a pull only when they show the registry the same credentials. */
function pullKey(reference: string, auths: readonly ImageAuth[]): string {
  if (auths.length === 0) return reference;
  return `${reference} ${createHash('sha256').update(JSON.stringify(auths)).digest('hex')}`;
}

function recorderFor(events: EventRecorder, { pod, container, list = 'containers' }: ImageRequest): RecordEvent {
  const object: ObjectReference = {
    kind: 'Pod',
    namespace: pod.namespace,
    name: pod.name,
    uid: pod.uid,
    ...(container === undefined ? {} : { fieldPath: `spec.${list}{${container}}` }),
  };
  return (type, reason, message) => events.event(object, type, reason, message);
}
