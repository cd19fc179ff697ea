import type { Container, Pod } from '../objects/types.ts';

type PodContext = NonNullable<Pod['spec']['securityContext']>;
type ContainerContext = NonNullable<Container['securityContext']>;
export type SelinuxOptions = NonNullable<ContainerContext['seLinuxOptions']>;
export type Profile = NonNullable<ContainerContext['seccompProfile']>;

/** The user settings of a container, pod and container level merged. */
export interface EffectiveUser {
  readonly runAsUser: number | undefined;
  readonly runAsGroup: number | undefined;
  readonly runAsNonRoot: boolean;
}

/** What a container says goes before what its pod says (kubelet: `DetermineEffectiveSecurityContext`). */
export function effectiveUser(pod: Pod, container: Container): EffectiveUser {
  const { own, shared } = contexts(pod, container);
  return {
    runAsUser: own.runAsUser ?? shared.runAsUser,
    runAsGroup: own.runAsGroup ?? shared.runAsGroup,
    runAsNonRoot: own.runAsNonRoot ?? shared.runAsNonRoot ?? false,
  };
}

export function effectiveSelinux(pod: Pod, container: Container): SelinuxOptions | undefined {
  const { own, shared } = contexts(pod, container);
  return own.seLinuxOptions ?? shared.seLinuxOptions;
}

/**
 * The seccomp profile of a container (kubelet: `getSeccompProfile`). What is privileged has none.
 *
 * @param seccompDefault the profile of a container that names none is the runtime's, not none
 */
export function effectiveSeccomp(pod: Pod, container: Container, seccompDefault: boolean): Profile {
  const { own, shared } = contexts(pod, container);
  if (own.privileged === true) return { type: 'Unconfined' };
  return own.seccompProfile ?? shared.seccompProfile ?? { type: seccompDefault ? 'RuntimeDefault' : 'Unconfined' };
}

const apparmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';

/**
 * The AppArmor profile that a container asks for, undefined for none in particular: its own field, the annotation for it,
 * then the pod's field (kubelet: `pkg/security/apparmor/helpers.go`).
 */
export function effectiveApparmor(pod: Pod, container: Container): Profile | undefined {
  const { own, shared } = contexts(pod, container);
  const annotation = pod.metadata.annotations[apparmorAnnotation + container.name];
  return own.appArmorProfile ?? fromAnnotation(annotation) ?? shared.appArmorProfile;
}

function fromAnnotation(value: string | undefined): Profile | undefined {
  if (value === 'runtime/default') return { type: 'RuntimeDefault' };
  if (value === 'unconfined') return { type: 'Unconfined' };
  const prefix = 'localhost/';
  return value?.startsWith(prefix) ? { type: 'Localhost', localhostProfile: value.slice(prefix.length) } : undefined;
}

/** All containers of a pod that run some time, with the path of their list. */
export function allContainers(pod: Pod): readonly { list: string; index: number; container: Container }[] {
  const { initContainers = [], containers } = pod.spec;
  return [
    ...initContainers.map((container, index) => ({ list: 'initContainers', index, container })),
    ...containers.map((container, index) => ({ list: 'containers', index, container })),
  ];
}

function contexts(pod: Pod, container: Container): { own: ContainerContext; shared: PodContext } {
  return { own: container.securityContext ?? {}, shared: pod.spec.securityContext ?? {} };
}
