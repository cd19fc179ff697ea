/**
 * Whether the runtime can mount read-only what is mounted below a volume (KEP-3857): Docker 25 and newer, by
 * `mount_setattr` of Linux 5.12.
 *
 * @param apiVersion Docker's, e.g. `1.44`
 * @param kernelVersion as `uname -r`, e.g. `6.1.0-18-amd64`
 */
export function supportsRecursiveReadOnly(apiVersion: string, kernelVersion: string): boolean {
  return isAtLeast(apiVersion, 1, 44) && isAtLeast(kernelVersion, 5, 12);
}

function isAtLeast(version: string, wantedMajor: number, wantedMinor: number): boolean {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
}
