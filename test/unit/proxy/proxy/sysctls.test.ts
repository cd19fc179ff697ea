import { expect, test } from 'vitest';
import { ensureSysctls } from '../../../../proxy/sysctls.ts';
import { createLines, createRecordingExec } from '../proxy-helpers.ts';
import { SETTINGS } from '../services/helpers.ts';

const signal = new AbortController().signal;
const FORWARD = 'net/ipv4/ip_forward';
const BRIDGE = 'net/bridge/bridge-nf-call-iptables';
const LOCALNET = 'net/ipv4/conf/all/route_localnet';

interface Case {
  readonly have: Readonly<Record<string, string>>;
  readonly localhost?: boolean;
  readonly bridges?: string;
  readonly refused?: boolean;
  readonly written: readonly string[];
  readonly lines: readonly string[];
}

const changed = 'info sysctl was changed';

test.each<[string, Case]>([
  ['what is right is left alone', { have: { [FORWARD]: '1', [BRIDGE]: '1' }, written: [], lines: [] }],
  [
    'what differs is written and told',
    { have: { [FORWARD]: '0', [BRIDGE]: '0' }, written: [`${FORWARD}=1`, `${BRIDGE}=1`], lines: [changed, changed] },
  ],
  [
    'the loopback is routed where asked',
    {
      have: { [FORWARD]: '1', [BRIDGE]: '1', [LOCALNET]: '0' },
      localhost: true,
      written: [`${LOCALNET}=1`],
      lines: [changed],
    },
  ],
  ['without bridges nothing is missed', { have: { [FORWARD]: '1' }, bridges: '', written: [], lines: [] }],
  [
    'with bridges the module is asked for',
    {
      have: { [FORWARD]: '1' },
      bridges: '3: cni0: <UP>',
      written: [],
      lines: ['warn the kernel does not show bridged packets to the firewall: load the module br_netfilter'],
    },
  ],
  [
    'what cannot be set is told, and the rest is set',
    {
      have: { [FORWARD]: '0', [BRIDGE]: '0' },
      refused: true,
      written: [],
      lines: ['warn sysctl cannot be set', 'warn sysctl cannot be set'],
    },
  ],
])('%s', async (_what, { have, localhost = false, bridges = '', refused = false, written, lines }) => {
  const wrote: string[] = [];
  const log = createLines();
  const access = {
    read: (name: string) => Promise.resolve(have[name]),
    write: (name: string, value: string) => {
      if (refused) return Promise.reject(new Error('read-only'));
      wrote.push(`${name}=${value}`);
      return Promise.resolve();
    },
  };
  const { exec } = createRecordingExec(() => bridges);
  await ensureSysctls({ ...SETTINGS[4], localhostNodePorts: localhost }, { access, exec, log }, signal);
  expect([wrote, log.lines]).toEqual([written, lines]);
});
