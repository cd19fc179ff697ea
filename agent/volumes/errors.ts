import { messageOf } from '../../cni/index.ts';

/** A volume could not be set up. The message is the kubelet's, for the event `FailedMount`. */
export class VolumeSetupError extends Error {
  override readonly name = 'VolumeSetupError';
  readonly volume: string;

  constructor(volume: string, cause: unknown) {
    super(`MountVolume.SetUp failed for volume ${JSON.stringify(volume)} : ${messageOf(cause)}`, { cause });
    this.volume = volume;
  }
}

/** Something is mounted where a directory must be removed. Nothing was removed; to be tried again later. */
export class MountBusyError extends Error {
  override readonly name = 'MountBusyError';
  readonly mountPoints: readonly string[];

  constructor(directory: string, mountPoints: readonly string[], cause?: unknown) {
    super(`cannot remove ${directory}: still mounted: ${mountPoints.join(', ')}`, { cause });
    this.mountPoints = mountPoints;
  }
}
