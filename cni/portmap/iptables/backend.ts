import type { Exec } from '../../util/exec.ts';
import type { PortChange, PortmapBackend } from '../backend.ts';
import { isShown, renderChange } from './render.ts';

const commands = { 4: 'iptables', 6: 'ip6tables' } as const;

/**
 * Host ports by iptables: one `iptables-restore` a change and address family. The jumps from the built-in chains are looked
 * for once, and again after a restore that failed.
 */
export function createIptablesBackend(exec: Exec): PortmapBackend {
  const saved = new Map<4 | 6, string>();

  const save = async (family: 4 | 6, signal: AbortSignal): Promise<string> =>
    (await exec({ file: `${commands[family]}-save`, args: ['-t', 'nat'] }, signal)).stdout;

  const restore = async (family: 4 | 6, change: PortChange, signal: AbortSignal): Promise<void> => {
    const known = saved.get(family) ?? (await save(family, signal));
    saved.delete(family);
    const input = renderChange(family, change, known);
    await exec({ file: `${commands[family]}-restore`, args: ['--noflush', '-w', '5'], input }, signal);
    saved.set(family, `${known}\n${input}`);
  };

  return {
    apply: async (change, signal) => {
      const ports = [...change.before.ports, ...change.after.ports];
      for (const family of [4, 6] as const) {
        if (ports.some((port) => port.family === family)) await restore(family, change, signal);
      }
    },
    missing: async ({ id, ports }, signal) => {
      const shown = new Map<4 | 6, string>();
      for (const family of new Set(ports.map((port) => port.family))) shown.set(family, await save(family, signal));
      return ports.filter((port) => !isShown(id, port, shown.get(port.family) ?? ''));
    },
  };
}
