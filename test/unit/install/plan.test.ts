import { describe, expect, test } from 'vitest';
import {
  type HostFacts,
  type InstalledGroup,
  InstallRefused,
  planCriInstall,
  planInstall,
  planUninstall,
  type Step,
} from '../../../agent/install/plan.ts';
import { marker } from '../../../agent/install/unit-render.ts';

const unit = { path: '/unit', content: `${marker}\nunit`, owner: 'podwright' } as const;
const dropIn = { path: '/drop-in', content: `${marker}\ndrop-in`, owner: 'podwright' } as const;
const defaults = { path: '/defaults', content: `${marker}\nARGS=`, owner: 'user' } as const;
const wanted = [unit, dropIn, defaults];

const host: HostFacts = {
  uid: 0,
  hasSystemd: true,
  isKubeletActive: false,
  isCriDockerdActive: false,
  service: { isActive: false, isEnabled: false },
  files: new Map(),
};
const installed: HostFacts = {
  ...host,
  service: { isActive: true, isEnabled: true },
  files: new Map(wanted.map(({ path, content }) => [path, content])),
};
const cri = [
  { path: '/socket', content: `${marker}\nsocket`, owner: 'podwright' },
  { path: '/service', content: `${marker}\nservice`, owner: 'podwright' },
] as const;
const withCri: HostFacts = { ...host, files: new Map(cri.map(({ path, content }) => [path, content])) };
const criGroup: InstalledGroup = { files: cri, unit: '/socket', stop: { do: 'unlisten' } };
const groups: readonly InstalledGroup[] = [{ files: wanted, unit: '/unit', stop: { do: 'stop' } }, criGroup];
const withFile = (facts: HostFacts, path: string, content: string): HostFacts => ({
  ...facts,
  files: new Map([...facts.files, [path, content]]),
});

const brief = (steps: readonly Step[]): string[] =>
  steps.flatMap((step) => (step.do === 'tell' ? [] : ['path' in step ? `${step.do} ${step.path}` : step.do]));

describe('install', () => {
  test.each<[string, HostFacts, boolean, string[]]>([
    ['a new host', host, true, ['write /unit', 'write /drop-in', 'write /defaults', 'reload', 'enable', 'start']],
    ['a new host, no start', host, false, ['write /unit', 'write /drop-in', 'write /defaults', 'reload', 'enable']],
    ['all is there', installed, true, []],
    ['it was stopped', { ...installed, service: { isActive: false, isEnabled: true } }, true, ['start']],
    [
      'a unit of a former version',
      withFile(installed, '/unit', `${marker}\nold`),
      true,
      ['write /unit', 'reload', 'restart'],
    ],
    ['flags of the user', withFile(installed, '/defaults', 'ARGS=-v=4'), true, []],
    ['the kubelet runs, no start', { ...installed, isKubeletActive: true }, false, []],
  ])('%s', (_, facts, start, steps) => {
    expect(brief(planInstall(facts, wanted, { start }))).toEqual(steps);
  });

  test('a file that must not be there is removed', () => {
    const steps = planInstall(installed, [unit, { ...dropIn, content: undefined }, defaults], { start: true });
    expect(brief(steps)).toEqual(['remove /drop-in', 'reload', 'restart']);
  });

  test.each<[string, HostFacts, RegExp]>([
    ['no systemd', { ...host, hasSystemd: false }, /systemd does not run/],
    ['not root', { ...host, uid: 1000 }, /rights of root/],
    ['the kubelet runs', { ...host, isKubeletActive: true }, /the kubelet runs/],
    ["somebody else's unit", withFile(host, '/unit', '[Unit]'), /\/unit is there already/],
  ])('refused: %s', (_, facts, message) => {
    const plan = (): unknown => planInstall(facts, wanted, { start: true });
    expect(plan).toThrow(InstallRefused);
    expect(plan).toThrow(message);
  });
});

describe('install --cri', () => {
  test.each<[string, HostFacts, string[]]>([
    ['a new host', host, ['write /socket', 'write /service', 'reload', 'listen']],
    ['all is there', withCri, ['listen']],
    [
      'a unit of a former version',
      withFile(withCri, '/socket', `${marker}\nold`),
      ['unlisten', 'write /socket', 'reload', 'listen'],
    ],
    [
      'an installation that was cut short',
      withFile(host, '/socket', `${marker}\nsocket`),
      ['unlisten', 'write /service', 'reload', 'listen'],
    ],
    [
      'the service of an uninstallation that was cut short',
      withFile(host, '/service', `${marker}\nold`),
      ['write /socket', 'write /service', 'reload', 'listen'],
    ],
  ])('%s', (_, facts, steps) => {
    expect(brief(planCriInstall(facts, criGroup))).toEqual(steps);
  });

  test('refused where cri-dockerd has the socket', () => {
    expect(() => planCriInstall({ ...host, isCriDockerdActive: true }, criGroup)).toThrow(InstallRefused);
  });
});

describe('uninstall', () => {
  test.each<[string, HostFacts, string[]]>([
    ['what install made', installed, ['stop', 'remove /unit', 'remove /drop-in', 'remove /defaults', 'reload']],
    ['nothing is there', host, []],
    ['the CRI endpoint alone', withCri, ['unlisten', 'remove /socket', 'remove /service', 'reload']],
    [
      'flags that the user has changed stay',
      withFile(installed, '/defaults', `${marker}\nARGS=-v=4`),
      ['stop', 'remove /unit', 'remove /drop-in', 'reload'],
    ],
    [
      'what an uninstallation that was cut short has left: systemd knows no unit to stop',
      { ...host, files: new Map([dropIn, cri[1]].map(({ path, content }) => [path, content])) },
      ['remove /drop-in', 'remove /service', 'reload'],
    ],
    ["somebody else's unit stays, and runs on", withFile(host, '/unit', '[Unit]'), []],
  ])('%s', (_, facts, steps) => {
    expect(brief(planUninstall(facts, groups))).toEqual(steps);
  });

  test('without systemd there is nothing to take back', () => {
    expect(() => planUninstall({ ...host, hasSystemd: false }, groups)).toThrow(InstallRefused);
  });
});
