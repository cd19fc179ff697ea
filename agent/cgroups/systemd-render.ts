import { sharesToWeight } from './cpu.ts';
import type { CgroupVersion } from './files-render.ts';
import type { CgroupResources } from './resources-plan.ts';

/*
 * With the systemd driver a cgroup is a slice, and its limits are properties that systemd writes to the kernel and keeps
 * (systemd.resource-control(5)). What systemd has no property for, huge pages, is written to the files of the slice.
 *
 *   systemctl set-property --runtime -- kubepods-burstable.slice CPUWeight=40
 *
 * `--runtime`: a reboot forgets the slices of pods. Setting a property of a slice that is not there is remembered for the
 * moment when the runtime's first scope starts the slice.
 */

/** Arguments of `systemctl` that give a slice its resources; undefined when there is nothing to set. */
export function renderSetProperty(
  version: CgroupVersion,
  slice: string,
  resources: CgroupResources,
): readonly string[] | undefined {
  const properties = renderProperties(version, resources);
  return properties.length === 0 ? undefined : ['set-property', '--runtime', '--', slice, ...properties];
}

/** Arguments of the two calls of `systemctl` that remove a slice and what was set for it. */
export function renderRemoveSlice(slice: string): readonly (readonly string[])[] {
  return [
    ['stop', '--', slice],
    ['revert', '--', slice],
  ];
}

function renderProperties(version: CgroupVersion, resources: CgroupResources): readonly string[] {
  const { cpuShares, cpuQuota, memoryLimit, pidsLimit } = resources;
  const weight = (shares: number): string =>
    version === 1 ? `CPUShares=${shares}` : `CPUWeight=${sharesToWeight(shares)}`;
  const memory = version === 1 ? 'MemoryLimit' : 'MemoryMax';
  return [
    ...(cpuShares === undefined ? [] : [weight(cpuShares)]),
    ...(cpuQuota === undefined ? [] : quotaProperties(cpuQuota)),
    ...(memoryLimit === undefined ? [] : [`${memory}=${memoryLimit < 0 ? 'infinity' : memoryLimit}`]),
    ...(pidsLimit === undefined ? [] : [`TasksMax=${pidsLimit}`]),
  ];
}

/**
 * systemd keeps the quota as a share of a second, in whole percent. It is rounded up: a slice that allowed less than the
 * containers in it would throttle them (libcontainer rounds likewise, `cgroups/systemd/common.go`).
 */
function quotaProperties({ quotaMicros, periodMicros }: NonNullable<CgroupResources['cpuQuota']>): readonly string[] {
  if (quotaMicros <= 0) return ['CPUQuota='];
  const percent = Math.ceil((quotaMicros * 100) / periodMicros);
  return [`CPUQuotaPeriodSec=${periodMicros}us`, `CPUQuota=${percent}%`];
}
