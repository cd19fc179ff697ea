import type { Exec } from '../../util/exec.ts';
import type { PortChange, PortmapBackend } from '../backend.ts';
import { isShown, missingJumps, renderChange } from './render.ts';

const commands = { 4: 'iptables', 6: 'ip6tables' } as const;

/**
 * Host ports by iptables: one `iptables-restore` a change and address family. The jumps from the built-in chains are looked
 * for by the first change, and again after a restore that failed.
 */
export function createIptablesBackend(exec: Exec): PortmapBackend {
  /** Families whose jumps are there. */
  const joined = new Set<4 | 6>();

  const save = async (family: 4 | 6, signal: AbortSignal): Promise<string> =>
    (await exec({ file: `${commands[family]}-save`, args: ['-t', 'nat'] }, signal)).stdout;

  const restore = async (family: 4 | 6, change: PortChange, signal: AbortSignal): Promise<void> => {
    const missing = joined.has(family) ? [] : missingJumps(await save(family, signal));
    joined.delete(family);
    const input = renderChange(family, change, missing);
    await exec({ file: `${commands[family]}-restore`, args: ['--noflush', '-w', '5'], input }, signal);
    joined.add(family);
  };

  return {
    apply: async (change, signal) => {
      const ports = [...change.before.ports, ...change.after.ports];
      for (const family of [4, 6] as const) {
        if (ports.some((port) => port.family === family)) await restore(family, change, signal);
      }
    },
    forget: () => joined.clear(),
    missing: async ({ id, ports }, signal) => {
      const shown = new Map<4 | 6, string>();
      for (const family of new Set(ports.map((port) => port.family))) shown.set(family, await save(family, signal));
      return ports.filter((port) => !isShown(id, port, shown.get(port.family) ?? ''));
    },
  };
}
