import type { Clock } from '../clock.ts';
import type { LayerProgress } from '../runtime/types.ts';
import { goDuration } from './pull-plan.ts';
import { type Layers, type PullProgress, sumOfLayers, withLayer } from './progress.ts';

/** How often a pull under way is logged, and looked at. */
const reportMs = 10_000;

/** A pull did not go on for so long that it was given up (dockershim: `image-pull-progress-deadline`). */
export class PullStalledError extends Error {
  override readonly name = 'PullStalledError';
}

export interface PullWatchDeps {
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void };
  /** A pull that shows no progress for this long is cancelled. */
  readonly stallMs: number;
}

export interface WatchedPull {
  progress(): PullProgress;
  /** Runs the pull; it is cancelled when it stalls. */
  run<T>(
    pull: (signal: AbortSignal, onLayer: (layer: LayerProgress) => void) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
}

/** A pull whose progress is kept, logged and asked for. */
export function watchPull(image: string, { clock, log, stallMs }: PullWatchDeps): WatchedPull {
  const startedAt = clock.now();
  let layers: Layers = new Map();
  let movedAt = startedAt;
  const progress = (): PullProgress => ({ image, startedAt, ...sumOfLayers(layers) });

  const onLayer = (report: LayerProgress): void => {
    const next = withLayer(layers, report);
    if (next === layers) return;
    layers = next;
    movedAt = clock.now();
  };

  const watch = async (controller: AbortController): Promise<void> => {
    for (;;) {
      await clock.sleep(reportMs, controller.signal);
      const { doneBytes, totalBytes } = progress();
      log.info({ image, doneBytes, totalBytes, sinceMs: clock.now() - startedAt }, 'image pull under way');
      if (clock.now() - movedAt >= stallMs) {
        const message = `pull of ${image} made no progress for ${goDuration(stallMs)} and was cancelled`;
        controller.abort(new PullStalledError(message));
      }
    }
  };

  return {
    progress,
    run: async (pull, signal) => {
      const controller = new AbortController();
      const abort = (): void => controller.abort(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      const watching = watch(controller).catch(() => undefined); // ends by the abort below, and no other way
      try {
        return await pull(controller.signal, onLayer);
      } catch (error) {
        throw controller.signal.aborted ? controller.signal.reason : error;
      } finally {
        signal.removeEventListener('abort', abort);
        controller.abort(new Error('the pull has ended'));
        await watching;
      }
    },
  };
}
