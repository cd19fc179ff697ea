import type { Exec } from '../../util/exec.ts';
import type { PortmapBackend, PortSet } from '../backend.ts';
import { isShown, missingJumps, renderChains } from './render.ts';

const commands = { 4: 'iptables', 6: 'ip6tables' } as const;

/**
 * Host ports by iptables: one `iptables-restore` a change and address family. The jumps from the built-in chains are looked
 * for by the first change, and again after a restore that failed.
 */
export function createIptablesBackend(exec: Exec): PortmapBackend {
  /** Families whose jumps are there. */
  const joined = new Set<4 | 6>();

  const save = async (family: 4 | 6, signal: AbortSignal): Promise<string> =>
    (await exec({ file: `${commands[family]}-save`, args: [] }, signal)).stdout;

  const write = async (family: 4 | 6, sets: readonly PortSet[], gone: readonly string[], signal: AbortSignal) => {
    const missing = joined.has(family) ? [] : missingJumps(family, await save(family, signal));
    joined.delete(family);
    const input = renderChains(family, sets, gone, missing);
    await exec({ file: `${commands[family]}-restore`, args: ['--noflush', '-w', '5'], input }, signal);
    joined.add(family);
  };

  return {
    apply: async ({ before, after, others }, signal) => {
      for (const family of familiesOf([before, after])) await write(family, [...others, after], [before.id], signal);
    },
    restore: async (sets, signal) => {
      joined.clear();
      // The guard of the loopback network is of IPv4.
      for (const family of new Set([4, ...familiesOf(sets)] as const)) await write(family, sets, [], signal);
    },
    missing: async ({ id, ports }, signal) => {
      const shown = new Map<4 | 6, string>();
      for (const family of familiesOf([{ id, ports }])) shown.set(family, await save(family, signal));
      return ports.filter((port) => !isShown(id, port, shown.get(port.family) ?? ''));
    },
  };
}

function familiesOf(sets: readonly PortSet[]): readonly (4 | 6)[] {
  const found = new Set(sets.flatMap(({ ports }) => ports.map(({ family }) => family)));
  return [...found].sort();
}
