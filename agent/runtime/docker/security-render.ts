import type { ContainerSecurity, SandboxSecurity, SeccompProfile } from '../types.ts';
import type { ContainerCreateBody } from './api.ts';

type HostConfig = NonNullable<ContainerCreateBody['HostConfig']>;

/** A security context as Docker's create call takes it. What is undefined is the image's or Docker's default. */
export interface SecuritySettings {
  readonly user: string | undefined;
  readonly hostConfig: Partial<HostConfig>;
}

export function renderSecurity(security: ContainerSecurity): SecuritySettings {
  const { maskedPaths, readonlyPaths } = security;
  return {
    user: security.user,
    hostConfig: {
      Privileged: security.privileged,
      ReadonlyRootfs: security.readOnlyRootFilesystem,
      GroupAdd: security.supplementalGroups.map(String),
      CapAdd: [...security.capabilitiesToAdd],
      CapDrop: [...security.capabilitiesToDrop],
      SecurityOpt: securityOptions(security),
      ...(maskedPaths === undefined ? {} : { MaskedPaths: [...maskedPaths] }),
      ...(readonlyPaths === undefined ? {} : { ReadonlyPaths: [...readonlyPaths] }),
    },
  };
}

function securityOptions(security: ContainerSecurity): string[] {
  return [
    ...(security.noNewPrivileges ? ['no-new-privileges'] : []),
    ...seccompOptions(security.seccomp),
    ...(security.apparmorProfile === undefined ? [] : [`apparmor=${security.apparmorProfile}`]),
    ...security.selinuxLabels.map((option) => `label=${option}`),
  ];
}

/**
 * The user and the options of a sandbox. Pause needs no privilege, also in a pod that has a privileged container:
 * that is how a CRI runtime learns what the pod may do, which Docker is told for each container.
 */
export function renderSandboxSecurity(security: SandboxSecurity): {
  readonly user: string | undefined;
  readonly options: readonly string[];
} {
  const { runAsUser, runAsGroup } = security;
  const group = runAsGroup === undefined ? '' : `:${runAsGroup}`;
  return {
    user: runAsUser === undefined && group === '' ? undefined : `${runAsUser ?? 0}${group}`,
    options: [
      'no-new-privileges',
      ...seccompOptions(security.seccomp),
      ...security.selinuxLabels.map((option) => `label=${option}`),
    ],
  };
}

/** Docker puts its own profile on when nothing is said: to have none must be said. */
function seccompOptions(seccomp: SeccompProfile): string[] {
  if (seccomp.type === 'Localhost') return [`seccomp=${seccomp.profile}`];
  return seccomp.type === 'Unconfined' ? ['seccomp=unconfined'] : [];
}
