import type { Pod } from '../objects/types.ts';
import type { LayerProgress } from '../runtime/types.ts';
import { applyDefaultTag } from './reference.ts';

/** How far a pull is. */
export interface PullProgress {
  /** As it went to the runtime. */
  readonly image: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly doneBytes: number;
  /** Of the layers whose size is known by now: it grows while the pull begins. */
  readonly totalBytes: number;
}

interface Layer {
  readonly phase: LayerProgress['phase'];
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Changes with each step, also of the extraction, whose figures are no download. */
  readonly step: string;
}

export type Layers = ReadonlyMap<string, Layer>;

/** The layers after a report of one of them; the same map when the report says nothing new. */
export function withLayer(layers: Layers, report: LayerProgress): Layers {
  const before = layers.get(report.id);
  const step = `${report.phase} ${report.current ?? ''}`;
  if (before?.step === step) return layers;
  return new Map(layers).set(report.id, { phase: report.phase, step, ...bytesOf(report, before) });
}

function bytesOf(
  { phase, current = 0, total }: LayerProgress,
  before: Layer | undefined,
): Omit<Layer, 'phase' | 'step'> {
  const totalBytes = before?.totalBytes ?? 0;
  if (phase === 'waiting') return { doneBytes: 0, totalBytes };
  if (phase !== 'downloading') return { doneBytes: totalBytes, totalBytes };
  // Without an announced length, what has come is all that is known.
  return { doneBytes: current, totalBytes: Math.max(total ?? totalBytes, current) };
}

export function sumOfLayers(layers: Layers): Pick<PullProgress, 'doneBytes' | 'totalBytes'> {
  const all = [...layers.values()];
  const sum = (of: (layer: Layer) => number): number => all.reduce((total, layer) => total + of(layer), 0);
  return { doneBytes: sum(({ doneBytes }) => doneBytes), totalBytes: sum(({ totalBytes }) => totalBytes) };
}

/** The pulls that containers of a pod wait for. */
export function pullsForPod({ spec, status }: Pod, pulls: readonly PullProgress[]): readonly PullProgress[] {
  if (pulls.length === 0) return [];
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  const waiting = new Set(statuses.filter(({ state }) => state?.waiting !== undefined).map(({ name }) => name));
  const { containers, initContainers = [], ephemeralContainers = [] } = spec;
  const images = [...containers, ...initContainers, ...ephemeralContainers]
    .filter(({ name }) => waiting.has(name))
    .flatMap(({ image }) => pulledName(image));
  return pulls.filter(({ image }) => images.includes(image));
}

function pulledName(image = ''): readonly string[] {
  try {
    return [applyDefaultTag(image)];
  } catch {
    return []; // what is no name is not pulled
  }
}

/** `pulling app:1: 12 MB of 40 MB`, for people. */
export function progressText({ image, doneBytes, totalBytes }: PullProgress): string {
  if (totalBytes === 0) return `pulling ${image}`;
  return `pulling ${image}: ${megabytes(doneBytes)} of ${megabytes(totalBytes)}`;
}

/** Decimal, as Docker and registries count. */
function megabytes(bytes: number): string {
  const value = bytes / 1e6;
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} MB`;
}
