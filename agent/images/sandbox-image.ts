import { messageOf } from '../../cni/index.ts';
import { withDeadline } from '../deadline.ts';
import { type ContainerRuntime, RuntimeUnavailableError } from '../runtime/types.ts';
import type { Credentials } from './credentials.ts';
import { builtInPauseImage, type PauseArchitecture, pauseImageArchive } from './pause/archive.ts';
import { pullWithCredentials } from './pull-with.ts';
import { SharedTasks } from './shared-task.ts';

/**
 * How long pods wait for a registry before the built-in image is used. Hosts without a registry pay it once per start of
 * the daemon, and only where connections are dropped rather than refused.
 */
const PULL_DEADLINE_MS = 5_000;

interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface SandboxImageDeps {
  readonly runtime: Pick<ContainerRuntime, 'imageStatus' | 'pullImage' | 'loadImage'>;
  /** `podInfraContainerImage` of the configuration. */
  readonly wanted: string;
  /** The node's own credentials for an image. */
  readonly credentials: Credentials;
  readonly log: Log;
  /** Default 5,000. */
  readonly pullDeadlineMs?: number;
  /** As `process.arch` names it; this machine's by default. */
  readonly architecture?: string;
}

export interface SandboxImage {
  /**
   * Name of the image that sandboxes are created from; it is on the host. The configured one where it is there or can be
   * pulled, else the built-in one. Decided once for the life of the process, and again when somebody removes the image.
   */
  ensure(signal: AbortSignal): Promise<string>;
}

type Choice = { readonly image: string; readonly why: string } | { readonly image: string; readonly error: unknown };

export function createSandboxImage(deps: SandboxImageDeps): SandboxImage {
  const decisions = new SharedTasks<string>();
  let decided: string | undefined;

  async function decide(signal: AbortSignal): Promise<string> {
    if (decided !== undefined && (await isPresent(deps, decided, signal))) return decided;
    const choice = await chooseImage(deps, signal);
    logChoice(deps, choice);
    return (decided = choice.image);
  }

  return { ensure: (signal) => decisions.run('sandbox image', decide, signal) };
}

async function chooseImage(deps: SandboxImageDeps, signal: AbortSignal): Promise<Choice> {
  const { wanted } = deps;
  if (await isPresent(deps, wanted, signal)) return { image: wanted, why: 'it is on the host' };
  if (wanted === builtInPauseImage) {
    await ensureBuiltIn(deps, signal);
    return { image: wanted, why: 'it is built in' };
  }
  // Both at once: the load is cheap, and a pull that fails late has then cost nothing more.
  const [pulled, builtIn] = await Promise.allSettled([pull(deps, signal), ensureBuiltIn(deps, signal)]);
  if (pulled.status === 'fulfilled') return { image: wanted, why: 'it was pulled' };
  if (pulled.reason instanceof RuntimeUnavailableError || signal.aborted) throw pulled.reason;
  if (builtIn.status === 'fulfilled') return { image: builtInPauseImage, error: pulled.reason };
  throw new Error(
    `no sandbox image: cannot pull ${wanted} (${messageOf(pulled.reason)}), and cannot load the built-in one`,
    { cause: builtIn.reason },
  );
}

async function pull(deps: SandboxImageDeps, signal: AbortSignal): Promise<void> {
  const { runtime, wanted, pullDeadlineMs } = deps;
  await withDeadline(`pull of ${wanted}`, pullDeadlineMs ?? PULL_DEADLINE_MS, signal, async (deadline) =>
    pullWithCredentials(runtime, wanted, await deps.credentials(wanted, deadline), deadline),
  );
}

async function ensureBuiltIn(deps: SandboxImageDeps, signal: AbortSignal): Promise<void> {
  if (await isPresent(deps, builtInPauseImage, signal)) return;
  const archive = await pauseImageArchive(pauseArchitecture(deps.architecture ?? process.arch));
  await deps.runtime.loadImage(archive, signal);
}

async function isPresent({ runtime }: SandboxImageDeps, image: string, signal: AbortSignal): Promise<boolean> {
  return (await runtime.imageStatus(image, signal)) !== undefined;
}

/** @param arch as `process.arch` names it */
function pauseArchitecture(arch: string): PauseArchitecture {
  if (arch === 'x64') return 'amd64';
  if (arch === 'arm64') return 'arm64';
  throw new Error(`no built-in sandbox image for ${arch}: load podInfraContainerImage on this host yourself`);
}

function logChoice({ log, wanted }: SandboxImageDeps, choice: Choice): void {
  if ('why' in choice) log.info({ image: choice.image, why: choice.why }, 'sandbox image');
  else
    log.warn(
      { image: choice.image, wanted, err: choice.error },
      'sandbox image cannot be pulled, using the built-in one',
    );
}
