import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPath } from '../../../agent/objects/field-path.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import {
  podSysctls,
  safeSysctls,
  type SecurityFacts,
  securityFacts,
  securityProblems,
  sysctlProblem,
  verifyRunAsNonRoot,
} from '../../../agent/security/index.ts';
import { podOf } from './pods.ts';

describe('runAsNonRoot', () => {
  const where = '(pod: "web_default(u1)", container: app)';
  const asRoot = `container has runAsNonRoot and image will run as root ${where}`;
  const asNobody =
    'container has runAsNonRoot and image has non-numeric user (nobody), cannot verify user is non-root ' + where;

  test.each<[string, Parameters<typeof podOf>, string, string | undefined]>([
    ['not asked for', [{}], '', undefined],
    ['taken back by the container', [{ runAsNonRoot: true }, { runAsNonRoot: false }], 'root', undefined],
    ['image without a user', [{ runAsNonRoot: true }], '', asRoot],
    ['image of root', [{}, { runAsNonRoot: true }], '0:1000', asRoot],
    ['image of a group only', [{ runAsNonRoot: true }], ':1000', asRoot],
    ['image of a number', [{ runAsNonRoot: true }], '1000:0', undefined],
    ['image of a name', [{ runAsNonRoot: true }], 'nobody:nogroup', asNobody],
    ['a name, and runAsUser', [{ runAsNonRoot: true, runAsUser: 5 }], 'nobody', undefined],
    [
      'runAsUser is root',
      [{ runAsNonRoot: true, runAsUser: 5 }, { runAsUser: 0 }],
      '1000',
      `container's runAsUser breaks non-root policy ${where}`,
    ],
    [
      'a number that is no user ID',
      [{ runAsNonRoot: true }],
      '2147483648',
      'container has runAsNonRoot and image has an invalid user id (2147483648). (Must be 1-(2147483647)): ' +
        `must be between 0 and 2147483647, inclusive ${where}`,
    ],
  ])('%s', (_, contexts, imageUser, message) => {
    const { pod, container } = podOf(...contexts);
    expect(verifyRunAsNonRoot(pod, container, imageUser)).toBe(message);
  });

  test('whatever an image says, an unknown user is not let through', () => {
    const { pod, container } = podOf({ runAsNonRoot: true });
    fc.assert(
      fc.property(fc.string(), (user) => {
        const isGood = /^0*[1-9]\d{0,9}$/.test(user.split(':')[0] ?? '');
        if (!isGood) expect(verifyRunAsNonRoot(pod, container, user)).toBeDefined();
      }),
    );
  });
});

describe('sysctls', () => {
  const sysctls = (...names: string[]): { sysctls: { name: string; value: string }[] } => ({
    sysctls: names.map((name) => ({ name, value: '1' })),
  });
  const safe = safeSysctls('6.1.0-18-amd64');

  test.each<[string, Pod, string | undefined]>([
    ['none', podOf().pod, undefined],
    ['safe', podOf(sysctls('net.ipv4.tcp_syncookies', 'kernel.shm_rmid_forced')).pod, undefined],
    ['with slashes', podOf(sysctls('net/ipv4/tcp_syncookies')).pod, undefined],
    ['not on the list', podOf(sysctls('kernel.msgmax')).pod, '"kernel.msgmax" not allowlisted'],
    ['of the whole machine', podOf(sysctls('vm.swappiness')).pod, '"vm.swappiness" not allowlisted'],
    ['allowed by name', podOf(sysctls('kernel.sem')).pod, undefined],
    ['allowed by prefix', podOf(sysctls('net.core.somaxconn')).pod, undefined],
    ['the machine’s, allowed by prefix', podOf(sysctls('fs.file-max')).pod, '"fs.file-max" not allowlisted'],
    [
      'of the host’s network',
      podOf(sysctls('net.ipv4.tcp_syncookies'), {}, { hostNetwork: true }).pod,
      '"net.ipv4.tcp_syncookies" not allowed with host net enabled',
    ],
    [
      'of the host’s IPC',
      podOf(sysctls('kernel.shm_rmid_forced'), {}, { hostIPC: true }).pod,
      '"kernel.shm_rmid_forced" not allowed with host ipc enabled',
    ],
    ['IPC on the host network', podOf(sysctls('kernel.sem'), {}, { hostNetwork: true }).pod, undefined],
  ])('%s', (_, pod, problem) => {
    const allowed = [...safe, 'net.core.*', 'kernel/sem', 'fs.*'];
    const expected = problem && { reason: 'SysctlForbidden', message: `forbidden sysctl: ${problem}` };
    expect(sysctlProblem(pod, allowed)).toEqual(expected);
  });

  test('names with dots; a dot inside a name becomes a slash', () => {
    const { pod } = podOf(sysctls('net.ipv4.conf.eth0/1.arp_notify', 'net/ipv4/conf/eth0.2/arp_notify'));
    expect(podSysctls(pod)).toEqual({
      'net.ipv4.conf.eth0/1.arp_notify': '1',
      'net.ipv4.conf.eth0/2.arp_notify': '1',
    });
  });

  test.each([
    ['3.10.0-1160.el7', 5],
    ['3.16', 6],
    ['4.5.0', 9],
    ['4.14.1', 10],
    ['4.15.0-20-generic', 12],
    ['6.1.0', 12],
    ['?', 5],
  ])('kernel %s has %i safe ones', (release, count) => {
    expect(safeSysctls(release).length).toBe(count);
  });
});

describe('what Docker cannot do', () => {
  const able: SecurityFacts = { apparmor: true, seccomp: true, userNamespaces: true };
  const unable: SecurityFacts = { apparmor: false, seccomp: false, userNamespaces: false };
  const localhost = { type: 'Localhost', localhostProfile: 'a' } as const;

  test.each<[string, Pod, SecurityFacts, readonly string[]]>([
    ['nothing asked', podOf().pod, unable, []],
    ['host users', podOf({}, {}, { hostUsers: true }).pod, unable, []],
    ['user namespace', podOf({}, {}, { hostUsers: false }).pod, unable, ['spec.hostUsers']],
    ['user namespace by userns-remap', podOf({}, {}, { hostUsers: false }).pod, able, []],
    ['Merge', podOf({ supplementalGroupsPolicy: 'Merge' }).pod, able, []],
    [
      'Strict',
      podOf({ supplementalGroupsPolicy: 'Strict' }).pod,
      able,
      ['spec.securityContext.supplementalGroupsPolicy'],
    ],
    ['Unmasked', podOf({}, { procMount: 'Unmasked' }).pod, able, ['spec.containers[0].securityContext.procMount']],
    ['Unmasked, own users', podOf({}, { procMount: 'Unmasked' }, { hostUsers: false }).pod, able, []],
    [
      'Windows',
      podOf({ windowsOptions: { hostProcess: true } }, { windowsOptions: { runAsUserName: 'x' } }).pod,
      able,
      ['spec.securityContext.windowsOptions', 'spec.containers[0].securityContext.windowsOptions'],
    ],
    ['empty options for Windows', podOf({ windowsOptions: {} }).pod, able, []],
    [
      'AppArmor without AppArmor',
      podOf({ appArmorProfile: { type: 'RuntimeDefault' } }).pod,
      unable,
      ['spec.containers[0].securityContext.appArmorProfile'],
    ],
    ['AppArmor', podOf({ appArmorProfile: localhost }).pod, able, []],
    ['no AppArmor without AppArmor', podOf({ appArmorProfile: { type: 'Unconfined' } }).pod, unable, []],
    [
      'seccomp without seccomp',
      podOf({ seccompProfile: { type: 'RuntimeDefault' } }, { seccompProfile: localhost }).pod,
      unable,
      ['spec.securityContext.seccompProfile', 'spec.containers[0].securityContext.seccompProfile'],
    ],
    [
      'seccomp from elsewhere',
      podOf({ seccompProfile: { type: 'Localhost', localhostProfile: '../x' } }).pod,
      able,
      ['spec.securityContext.seccompProfile.localhostProfile'],
    ],
  ])('%s', (_, pod, facts, paths) => {
    const problems = securityProblems(pod, facts);
    expect(problems.map(({ path }) => formatPath(path))).toEqual(paths);
    expect(problems.every(({ severity }) => severity === 'error')).toBe(true);
  });

  test('init containers too', () => {
    const { container } = podOf({}, { procMount: 'Unmasked' });
    const problems = securityProblems(podOf({}, {}, { initContainers: [container] }).pod, able);
    expect(problems.map(({ path }) => formatPath(path))).toEqual(['spec.initContainers[0].securityContext.procMount']);
  });

  test.each([
    [[], unable],
    [['name=seccomp,profile=default', 'name=cgroupns'], { ...unable, seccomp: true }],
    [['name=apparmor', 'name=seccomp,profile=builtin', 'name=userns'], able],
  ])('facts of %j', (options, facts) => {
    expect(securityFacts(options)).toEqual(facts);
  });
});
