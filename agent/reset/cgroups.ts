import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { Exec } from '../../cni/index.ts';
import { cgroupVersion } from '../cgroups/files.ts';
import { type CgroupSettings, qosCgroupName, qosCgroupPath } from '../cgroups/names.ts';
import { renderRemoveSlice } from '../cgroups/systemd-render.ts';

const mountPoint = '/sys/fs/cgroup';
const missing = ['ENOENT', 'ENOTDIR'];

/** Removes the cgroups that all pods stand in. The kernel refuses while something runs in them. */
export async function removeQosCgroups(settings: CgroupSettings, exec: Exec, signal: AbortSignal): Promise<void> {
  const classes = ['BestEffort', 'Burstable', 'Guaranteed'] as const;
  const roots = (await cgroupVersion(mountPoint)) === 2 ? [mountPoint] : await hierarchies();
  for (const qos of classes) {
    if (settings.driver === 'systemd') {
      for (const args of renderRemoveSlice(qosCgroupName(settings, qos)))
        await exec({ file: 'systemctl', args }, signal);
    }
    for (const root of roots) {
      await rmdir(join(root, qosCgroupPath(settings, qos))).catch((error: unknown) => {
        if (!missing.includes(errorCode(error) ?? '')) throw error;
      });
    }
  }
}

async function hierarchies(): Promise<readonly string[]> {
  const entries = await readdir(mountPoint, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(mountPoint, name));
}
