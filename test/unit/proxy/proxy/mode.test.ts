import { describe, expect, test } from 'vitest';
import { gatherModeFacts, probeIptables, probeIpvs } from '../../../../proxy/mode-facts.ts';
import { chooseMode, type ModeFacts, type ProxyMode, ProxyModeError } from '../../../../proxy/mode.ts';
import { ABSENT, createRecordingBackend, createRecordingExec, type Ending } from '../proxy-helpers.ts';

const works = { 4: undefined, 6: undefined };
const broken = (why: string) => ({ 4: why, 6: why });
const all: ModeFacts = { iptables: works, ipvs: works, nftables: works };

describe('the choice', () => {
  test.each<[string, ProxyMode | 'auto', ModeFacts, unknown]>([
    [
      'auto takes nftables',
      'auto',
      all,
      { mode: 'nftables', families: [4, 6], reason: 'nftables is the best that works here' },
    ],
    [
      'auto takes iptables where nftables does not work, and says why',
      'auto',
      { ...all, nftables: broken('no nft') },
      {
        mode: 'iptables',
        families: [4, 6],
        reason: 'iptables is the best that works here: nftables does not work here (no nft)',
      },
    ],
    ['what is asked for is taken', 'ipvs', all, { mode: 'ipvs', families: [4, 6], reason: 'ipvs is configured' }],
    [
      'the other family is left out where it does not work',
      'iptables',
      { ...all, iptables: { 4: undefined, 6: 'no IPv6' } },
      { mode: 'iptables', families: [4], reason: 'iptables is configured; no Services over IPv6: no IPv6' },
    ],
  ])('%s', (_what, asked, facts, expected) => expect(chooseMode(asked, facts, 4)).toEqual(expected));

  test.each<[ProxyMode | 'auto', ModeFacts, string]>([
    [
      'ipvs',
      { ...all, ipvs: broken('no ip_vs') },
      "the proxy mode 'ipvs' cannot work on this host. ipvs: no ip_vs. Modes that work here: iptables, nftables",
    ],
    [
      'auto',
      { iptables: broken('no iptables'), ipvs: works, nftables: broken('no nft') },
      'no proxy mode works on this host. nftables: no nft; iptables: no iptables',
    ],
  ])('%s is refused when it cannot work', (asked, facts, message) => {
    expect(() => chooseMode(asked, facts, 4)).toThrow(new ProxyModeError(message));
  });

  test('the primary family decides', () => {
    const facts = { ...all, nftables: { 4: undefined, 6: 'no IPv6' } };
    expect(chooseMode('auto', facts, 4).mode).toBe('nftables');
    expect(chooseMode('auto', facts, 6).mode).toBe('iptables');
  });
});

describe('the facts', () => {
  const signal = new AbortController().signal;
  const gather = async (ending: (command: string) => Ending): Promise<ModeFacts> => {
    const modes = {
      iptables: { probe: probeIptables, create: createRecordingBackend },
      ipvs: { probe: probeIpvs },
      nftables: { probe: () => Promise.resolve(undefined), create: createRecordingBackend },
    };
    return gatherModeFacts(modes, createRecordingExec(ending).exec, signal);
  };

  test('all works but what has no backend', async () => {
    expect(await gather(() => '')).toEqual({ ...all, ipvs: broken('this version of podwright has no backend for it') });
  });

  test('programs that are missing are named with their packages', async () => {
    expect(await gather(() => ABSENT)).toEqual({
      iptables: {
        4: 'the program iptables-restore is not installed: apt-get install iptables',
        6: 'the program ip6tables-restore is not installed: apt-get install iptables',
      },
      ipvs: broken('the program ipset is not installed: apt-get install ipset'),
      nftables: works,
    });
  });

  test('what the kernel lacks is named with its modules', async () => {
    const facts = await gather((command) => {
      if (command.startsWith('ipvsadm'))
        return { code: 1, stderr: "Can't initialize ipvs: Protocol not available\nmore" };
      return command.startsWith('ip6tables') ? { code: 3, stderr: "can't initialize ip6tables table `nat'" } : '';
    });
    expect(facts.iptables).toEqual({
      4: undefined,
      6: "ip6tables-restore failed: can't initialize ip6tables table `nat'",
    });
    expect(facts.ipvs[4]).toBe(
      "the kernel has no IPVS (ipvsadm failed: Can't initialize ipvs: Protocol not available): " +
        'load the modules ip_vs, ip_vs_rr, ip_vs_wrr, ip_vs_sh and nf_conntrack',
    );
  });
});
