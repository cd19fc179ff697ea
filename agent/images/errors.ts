import { messageOf } from '../../cni/index.ts';

/** Why a container's image is not there, in the kubelet's words (`pkg/kubelet/images/types.go`). */
export type ImageErrorReason =
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'RegistryUnavailable';

/** A container cannot have its image now. `reason` and `message` go into the container's waiting state. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly reason: ImageErrorReason;

  constructor(reason: ImageErrorReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** What the runtime's failed pull means to the pod. */
export function pullError(image: string, error: unknown): ImageError {
  const text = messageOf(error);
  if (!isRegistryUnavailable(error, text)) return new ImageError('ErrImagePull', text, error);
  const detail = text.replace(/^RegistryUnavailable(: )?/, '');
  const message = `image pull failed for ${image} because the registry is unavailable${detail && `: ${detail}`}`;
  return new ImageError('RegistryUnavailable', message, error);
}

/** CRI runtimes say it by a prefix, Docker by the registry's gateway error. */
function isRegistryUnavailable(error: unknown, text: string): boolean {
  if (text.startsWith('RegistryUnavailable')) return true;
  const code = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return code === 502 || code === 503 || code === 504;
}
