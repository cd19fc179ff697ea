import type { LayerProgress } from '../types.ts';

/** What Docker writes of a layer (`distribution/pull_v2.go`, `distribution/xfer`, and the containerd image store). */
const phases: Readonly<Record<string, LayerProgress['phase']>> = {
  'Pulling fs layer': 'waiting',
  Waiting: 'waiting',
  Downloading: 'downloading',
  'Verifying Checksum': 'downloaded',
  'Download complete': 'downloaded',
  Extracting: 'extracting',
  'Pull complete': 'done',
  'Already exists': 'done',
};

/** The layer that a message of a pull's progress is about; undefined when it is about none. */
export function layerProgress(message: unknown): LayerProgress | undefined {
  const { id, status, progressDetail } = toObject(message);
  if (typeof id !== 'string' || typeof status !== 'string' || !Object.hasOwn(phases, status)) return undefined;
  const phase = phases[status];
  const { current, total } = toObject(progressDetail);
  return phase === undefined ? undefined : { id, phase, current: toCount(current), total: toCount(total) };
}

function toObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function toCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}
