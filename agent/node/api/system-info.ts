import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { goArchitecture } from '../../admission/node-labels.ts';
import { likeKubelet, version } from '../../version.ts';
import type { SystemInfo } from './render.ts';

/**
 * `nodeInfo` apart from the runtime's version (`MachineInfo` and `VersionInfo`, pkg/kubelet/nodestatus/setters.go); IDs that the
 * machine does not have are empty.
 */
export async function systemInfo(): Promise<Omit<SystemInfo, 'containerRuntimeVersion'>> {
  const [machineID, systemUUID, bootID, osRelease] = await Promise.all(
    ['/etc/machine-id', '/sys/class/dmi/id/product_uuid', '/proc/sys/kernel/random/boot_id', '/etc/os-release'].map(
      readOrEmpty,
    ),
  );
  const own = `${likeKubelet}+podwright.${version}`;
  return {
    machineID: machineID ?? '',
    systemUUID: systemUUID || (machineID ?? ''),
    bootID: bootID ?? '',
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(osRelease ?? '')?.[1] ?? 'Linux',
    kubeletVersion: own,
    kubeProxyVersion: own,
    operatingSystem: 'linux',
    architecture: goArchitecture(process.arch),
  };
}

async function readOrEmpty(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
