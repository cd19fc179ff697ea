import type { ContainerRuntime } from '../runtime/types.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';

/** Counts the calls of a runtime under the CRI's names (kubelet: pkg/kubelet/kuberuntime/instrumented_services.go). */
export function countRuntime(
  runtime: ContainerRuntime,
  metrics: Pick<KubeletMetrics, 'runtimeCalled' | 'sandboxStarted'>,
  now: () => number = () => performance.now(),
): ContainerRuntime {
  const counted =
    <A extends readonly unknown[], R>(operation: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const begin = now();
      let failed = true;
      try {
        const result = await call(...args);
        failed = false;
        return result;
      } finally {
        if (operation === 'run_podsandbox') metrics.sandboxStarted(failed);
        metrics.runtimeCalled(operation, (now() - begin) / 1_000, failed);
      }
    };
  const r = runtime;
  return {
    ...r,
    version: counted('version', r.version.bind(r)),
    runPodSandbox: counted('run_podsandbox', r.runPodSandbox.bind(r)),
    stopPodSandbox: counted('stop_podsandbox', r.stopPodSandbox.bind(r)),
    removePodSandbox: counted('remove_podsandbox', r.removePodSandbox.bind(r)),
    createContainer: counted('create_container', r.createContainer.bind(r)),
    startContainer: counted('start_container', r.startContainer.bind(r)),
    stopContainer: counted('stop_container', r.stopContainer.bind(r)),
    removeContainer: counted('remove_container', r.removeContainer.bind(r)),
    updateContainerResources: counted('update_container', r.updateContainerResources.bind(r)),
    execSync: counted('exec_sync', r.execSync.bind(r)),
    exec: counted('exec', r.exec.bind(r)),
    podStatus: counted('podsandbox_status', r.podStatus.bind(r)),
    listPods: counted('list_podsandbox', r.listPods.bind(r)),
    imageStatus: counted('image_status', r.imageStatus.bind(r)),
    pullImage: counted('pull_image', r.pullImage.bind(r)),
    listImages: counted('list_images', r.listImages.bind(r)),
    removeImage: counted('remove_image', r.removeImage.bind(r)),
  };
}
