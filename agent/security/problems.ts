import type { FieldPath } from '../objects/field-path.ts';
import { type FieldProblem, forbidden, invalid } from '../objects/field-problem.ts';
import type { Container, Pod } from '../objects/types.ts';
import { allContainers, effectiveApparmor, type Profile } from './effective.ts';

/** By what Docker can confine containers on this machine. */
export interface SecurityFacts {
  readonly apparmor: boolean;
  readonly seccomp: boolean;
  /** dockerd runs with `userns-remap`: no container has the host's users. */
  readonly userNamespaces: boolean;
}

/** @param options `SecurityOptions` of `docker info`, e.g. `name=seccomp,profile=default` */
export function securityFacts(options: readonly string[]): SecurityFacts {
  const names = new Set(options.flatMap((option) => option.split(',')));
  return {
    apparmor: names.has('name=apparmor'),
    seccomp: names.has('name=seccomp'),
    userNamespaces: names.has('name=userns'),
  };
}

/**
 * What a pod asks for its security that Docker cannot do on this machine. Such a pod is refused: to run it with less
 * confinement than its manifest says would be worse.
 */
export function securityProblems(pod: Pod, facts: SecurityFacts): readonly FieldProblem[] {
  return [
    ...podProblems(pod, facts),
    ...allContainers(pod).flatMap(({ list, index, container }) =>
      containerProblems(pod, container, facts, ['spec', list, index]),
    ),
  ];
}

function podProblems(pod: Pod, facts: SecurityFacts): FieldProblem[] {
  const { hostUsers, securityContext = {} } = pod.spec;
  const path: FieldPath = ['spec', 'securityContext'];
  const problems: FieldProblem[] = [];
  if (hostUsers === false && !facts.userNamespaces) {
    problems.push(forbidden(['spec', 'hostUsers'], 'needs dockerd with userns-remap'));
  }
  if (securityContext.supplementalGroupsPolicy === 'Strict') {
    problems.push(
      forbidden([...path, 'supplementalGroupsPolicy'], 'Strict: Docker always adds the groups of the image’s user'),
    );
  }
  return [
    ...problems,
    ...windowsProblem(securityContext, path),
    ...seccompProblems(securityContext.seccompProfile, facts, [...path, 'seccompProfile']),
  ];
}

function containerProblems(pod: Pod, container: Container, facts: SecurityFacts, base: FieldPath): FieldProblem[] {
  const { securityContext = {} } = container;
  const path = [...base, 'securityContext'];
  const problems: FieldProblem[] = [];
  if (securityContext.procMount === 'Unmasked' && pod.spec.hostUsers !== false) {
    problems.push(forbidden([...path, 'procMount'], 'Unmasked needs hostUsers: false'));
  }
  const apparmor = effectiveApparmor(pod, container);
  if (!facts.apparmor && apparmor !== undefined && apparmor.type !== 'Unconfined') {
    problems.push(forbidden([...path, 'appArmorProfile'], 'AppArmor is not enabled on the host'));
  }
  return [
    ...problems,
    ...windowsProblem(securityContext, path),
    ...seccompProblems(securityContext.seccompProfile, facts, [...path, 'seccompProfile']),
  ];
}

function windowsProblem(context: { readonly windowsOptions?: object }, path: FieldPath): FieldProblem[] {
  if (Object.keys(context.windowsOptions ?? {}).length === 0) return [];
  return [forbidden([...path, 'windowsOptions'], 'this is a Linux node')];
}

function seccompProblems(profile: Profile | undefined, facts: SecurityFacts, path: FieldPath): FieldProblem[] {
  if (profile === undefined || profile.type === 'Unconfined') return [];
  if (!facts.seccomp) return [forbidden(path, 'seccomp is not enabled in Docker or in the kernel')];
  if (profile.type !== 'Localhost' || isDescending(profile.localhostProfile ?? '')) return [];
  return [invalid([...path, 'localhostProfile'], profile.localhostProfile ?? '', 'must be a relative path without ..')];
}

/** Whether a path leads nowhere but down. */
export function isDescending(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..');
}
