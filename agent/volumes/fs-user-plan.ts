import type { Pod } from '../objects/types.ts';

/**
 * The user that owns token files: the one that every container of the pod runs as. Undefined when one does not say, or two
 * differ (`pkg/volume/util/util.go`, FsUserFrom).
 */
export function fsUserOf({ spec }: Pod): number | undefined {
  const users = [...(spec.initContainers ?? []), ...spec.containers].map(
    ({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  );
  return new Set(users).size === 1 ? users[0] : undefined;
}
