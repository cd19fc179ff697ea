import { mkdir, rm, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../../cni/index.ts';
import type { PodIdentity } from '../types.ts';

export interface LogDirectories {
  /** `/var/log/pods` */
  readonly podLogsDir: string;
  /** `/var/log/containers` */
  readonly containerLogsDir: string;
}

/** `<podLogsDir>/<namespace>_<name>_<uid>`, all logs of a pod (kubelet: `BuildPodLogsDirectory`). */
export function podLogDirectory(podLogsDir: string, pod: PodIdentity): string {
  return join(podLogsDir, `${pod.namespace}_${pod.name}_${pod.uid}`);
}

/** `<pod's directory>/<container>/<attempt>.log` */
export function containerLogPath(podLogsDir: string, pod: PodIdentity, container: string, attempt: number): string {
  return join(podLogDirectory(podLogsDir, pod), container, `${attempt}.log`);
}

/**
 * `<containerLogsDir>/<pod>_<namespace>_<container>-<id>.log`, the link that log collectors read. The name stays within
 * the 255 bytes of a file name by shortening all but the ID (kubelet: `logSymlink`).
 */
export function collectorLogPath(containerLogsDir: string, pod: PodIdentity, container: string, id: string): string {
  const suffix = '.log';
  const head = `${pod.name}_${pod.namespace}_${container}`.slice(0, 255 - suffix.length - id.length - 1);
  return join(containerLogsDir, `${head}-${id}${suffix}`);
}

/**
 * Links the two well-known paths of a container's log to the file that Docker writes:
 * collector path → pod log path → `dockerLog`.
 */
export async function linkLogs(dockerLog: string, podLog: string, collectorLog: string): Promise<void> {
  await replaceLink(dockerLog, podLog);
  await replaceLink(podLog, collectorLog);
}

export async function unlinkLogs(podLog: string, collectorLog: string): Promise<void> {
  await Promise.all([rm(podLog, { force: true }), rm(collectorLog, { force: true })]);
}

async function replaceLink(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') await mkdir(dirname(path), { recursive: true });
    else if (code === 'EEXIST') await unlink(path);
    else throw error;
    await symlink(target, path);
  }
}
