import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerSecurity, createSecurity, sandboxSecurity } from '../../../agent/security/index.ts';
import type { ContainerSecurity, SandboxSecurity } from '../../../agent/runtime/types.ts';
import { podOf } from './pods.ts';

const defaults = { seccompDefault: false, seccompProfile: (path: string) => `{"from":"${path}"}`, imageUser: '' };

/** A container about which nothing is said. */
const plain: ContainerSecurity = {
  user: undefined,
  supplementalGroups: [],
  privileged: false,
  noNewPrivileges: false,
  readOnlyRootFilesystem: false,
  capabilitiesToAdd: [],
  capabilitiesToDrop: [],
  seccomp: { type: 'Unconfined' },
  apparmorProfile: undefined,
  selinuxLabels: [],
  maskedPaths: undefined,
  readonlyPaths: undefined,
};

type Contexts = Parameters<typeof podOf>;
const annotation = 'container.apparmor.security.beta.kubernetes.io/app';

describe('container', () => {
  test.each<[string, Contexts, Partial<ContainerSecurity>]>([
    ['nothing', [], {}],
    ['user of the pod', [{ runAsUser: 1000 }], { user: '1000' }],
    ['user of the container first', [{ runAsUser: 1000, runAsGroup: 1 }, { runAsUser: 0 }], { user: '0:1' }],
    ['groups', [{ fsGroup: 5, supplementalGroups: [7, 5, 6] }], { supplementalGroups: [5, 7, 6] }],
    [
      'privileged: no seccomp',
      [{ seccompProfile: { type: 'RuntimeDefault' } }, { privileged: true }],
      { privileged: true },
    ],
    ['escalation refused', [{}, { allowPrivilegeEscalation: false }], { noNewPrivileges: true }],
    ['escalation allowed', [{}, { allowPrivilegeEscalation: true }], {}],
    ['read-only root', [{}, { readOnlyRootFilesystem: true }], { readOnlyRootFilesystem: true }],
    [
      'capabilities in any form',
      [{}, { capabilities: { add: ['NET_ADMIN', 'CAP_SYS_TIME', 'cap_chown'], drop: ['ALL'] } }],
      { capabilitiesToAdd: ['NET_ADMIN', 'SYS_TIME', 'CHOWN'], capabilitiesToDrop: ['ALL'] },
    ],
    ['seccomp of the pod', [{ seccompProfile: { type: 'RuntimeDefault' } }], { seccomp: { type: 'RuntimeDefault' } }],
    [
      'seccomp of the container first',
      [
        { seccompProfile: { type: 'RuntimeDefault' } },
        { seccompProfile: { type: 'Localhost', localhostProfile: 'a/b.json' } },
      ],
      { seccomp: { type: 'Localhost', profile: '{"from":"a/b.json"}' } },
    ],
    [
      'AppArmor: container, annotation, pod',
      [
        { appArmorProfile: { type: 'Unconfined' } },
        { appArmorProfile: { type: 'Localhost', localhostProfile: 'mine' } },
        {},
        { [annotation]: 'localhost/other' },
      ],
      { apparmorProfile: 'mine' },
    ],
    [
      'AppArmor: annotation, pod',
      [{ appArmorProfile: { type: 'Unconfined' } }, {}, {}, { [annotation]: 'localhost/other' }],
      { apparmorProfile: 'other' },
    ],
    ['AppArmor: annotation, default', [{}, {}, {}, { [annotation]: 'runtime/default' }], {}],
    ['AppArmor: annotation, none', [{}, {}, {}, { [annotation]: 'unconfined' }], { apparmorProfile: 'unconfined' }],
    ['AppArmor: pod', [{ appArmorProfile: { type: 'Unconfined' } }], { apparmorProfile: 'unconfined' }],
    [
      'SELinux: the whole of one level',
      [{ seLinuxOptions: { user: 'u', type: 't' } }, { seLinuxOptions: { role: 'r', level: 's0:c1,c2', type: '' } }],
      { selinuxLabels: ['role:r', 'level:s0:c1,c2'] },
    ],
    ['procMount Default', [{}, { procMount: 'Default' }], {}],
    ['procMount Unmasked', [{}, { procMount: 'Unmasked' }], { maskedPaths: [], readonlyPaths: [] }],
  ])('%s', (_, contexts, expected) => {
    const { pod, container } = podOf(...contexts);
    expect(containerSecurity(pod, container, defaults)).toEqual({ ...plain, ...expected });
  });

  test.each([
    ['', '0:7'],
    ['app', 'app:7'],
    ['1000:1000', '1000:7'],
    [':5', '0:7'],
  ])('a group alone goes with the user of the image: %j', (imageUser, user) => {
    const { pod, container } = podOf({ runAsGroup: 7 });
    expect(containerSecurity(pod, container, { ...defaults, imageUser }).user).toBe(user);
  });

  test('seccompDefault holds for those that name no profile', () => {
    const withDefault = { ...defaults, seccompDefault: true };
    for (const [contexts, type] of [
      [[], 'RuntimeDefault'],
      [[{ seccompProfile: { type: 'Unconfined' } }], 'Unconfined'],
      [[{}, { privileged: true }], 'Unconfined'],
    ] as [Contexts, string][]) {
      const { pod, container } = podOf(...contexts);
      expect(containerSecurity(pod, container, withDefault).seccomp).toEqual({ type });
    }
  });

  test('a profile of no file', () => {
    const { pod, container } = podOf({ seccompProfile: { type: 'Localhost' } });
    expect(() => containerSecurity(pod, container, defaults)).toThrow('has no localhostProfile');
  });
});

describe('sandbox', () => {
  const quiet: SandboxSecurity = {
    privileged: false,
    seccomp: { type: 'RuntimeDefault' },
    selinuxLabels: [],
    runAsUser: undefined,
    runAsGroup: undefined,
  };

  test.each<[string, Contexts, Partial<SandboxSecurity>]>([
    ['nothing', [], {}],
    ['the pod level only', [{ runAsUser: 1, runAsGroup: 2 }, { runAsUser: 3 }], { runAsUser: 1, runAsGroup: 2 }],
    ['a privileged container', [{}, { privileged: true }], { privileged: true }],
    ['a filter, whatever the pod says', [{ seccompProfile: { type: 'Unconfined' } }], {}],
    ['SELinux', [{ seLinuxOptions: { level: 's0' } }], { selinuxLabels: ['level:s0'] }],
  ])('%s', (_, contexts, expected) => {
    expect(sandboxSecurity(podOf(...contexts).pod)).toEqual({ ...quiet, ...expected });
  });

  test('a privileged init container', () => {
    const { pod, container } = podOf({}, { privileged: true });
    const { pod: other } = podOf({}, {}, { initContainers: [container] });
    expect([sandboxSecurity(pod).privileged, sandboxSecurity(other).privileged]).toEqual([true, true]);
  });
});

describe('seccomp profiles of the node', () => {
  let rootDir: string;
  beforeAll(() => {
    rootDir = mkdtempSync(join(tmpdir(), 'podwright-seccomp-'));
    mkdirSync(join(rootDir, 'seccomp/profiles'), { recursive: true });
    writeFileSync(join(rootDir, 'seccomp/profiles/audit.json'), '{"defaultAction":"SCMP_ACT_LOG"}');
    writeFileSync(join(rootDir, 'secret.json'), 'secret');
  });
  afterAll(() => rmSync(rootDir, { recursive: true }));

  const load = async (localhostProfile: string): Promise<ContainerSecurity> => {
    const { pod, container } = podOf({}, { seccompProfile: { type: 'Localhost', localhostProfile } });
    return createSecurity({ seccompDefault: false, rootDir }).container(pod, container, '');
  };

  test('are read below <rootDir>/seccomp', async () => {
    const { seccomp } = await load('profiles/audit.json');
    expect(seccomp).toEqual({ type: 'Localhost', profile: '{"defaultAction":"SCMP_ACT_LOG"}' });
  });

  test.each(['../secret.json', 'profiles/../../secret.json', '/etc/passwd', ''])('%j leads elsewhere', async (path) => {
    await expect(load(path)).rejects.toThrow('must be a relative path without ..');
  });

  test('one that is not there', async () => {
    await expect(load('none.json')).rejects.toThrow(`cannot read seccomp profile ${rootDir}/seccomp/none.json: ENOENT`);
  });
});
