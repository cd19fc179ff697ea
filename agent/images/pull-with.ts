import { messageOf } from '../../cni/index.ts';
import {
  type ContainerRuntime,
  type ImageAuth,
  type ImageStatus,
  type LayerProgress,
  RuntimeUnavailableError,
} from '../runtime/types.ts';

/**
 * Pulls with each of the credentials in turn until one is right, and without any when there are none (kubelet:
 * `kuberuntime_image.go`, PullImage).
 *
 * @throws the runtime's error when there was one attempt; else one error with the texts of all
 */
export async function pullWithCredentials(
  runtime: Pick<ContainerRuntime, 'pullImage'>,
  image: string,
  auths: readonly ImageAuth[],
  signal: AbortSignal,
  onLayer?: (layer: LayerProgress) => void,
): Promise<ImageStatus> {
  const failures: unknown[] = [];
  for (const auth of auths.length === 0 ? [undefined] : auths) {
    try {
      return await runtime.pullImage(image, signal, auth, onLayer);
    } catch (error) {
      if (signal.aborted || error instanceof RuntimeUnavailableError) throw error;
      failures.push(error);
    }
  }
  const texts = [...new Set(failures.map(messageOf))];
  if (texts.length === 1) throw failures[0];
  throw new Error(`[${texts.join(', ')}]`, { cause: failures[0] });
}
