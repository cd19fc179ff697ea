import type { Change } from './diff.ts';
import type { Draining } from './state.ts';

/** After that a real server is deleted with the connections that it still has. */
const DRAIN_LIMIT_MS = 15 * 60_000;

/** How often connections are counted (`rsCheckDeleteInterval`, pkg/proxy/ipvs/graceful_termination.go). */
export const DRAIN_CHECK_MS = 60_000;

/**
 * Which real servers are drained: they have no connections any more, or had time enough. One that is not there any more is
 * forgotten.
 */
export function planDrain(
  draining: Draining,
  connections: ReadonlyMap<string, ReadonlyMap<string, number>>,
  nowMs: number,
): { readonly changes: readonly Change[]; readonly draining: Draining } {
  const changes: Change[] = [];
  const left = new Map<string, ReadonlyMap<string, number>>();
  for (const [service, reals] of draining) {
    const still = new Map<string, number>();
    for (const [real, since] of reals) {
      const count = connections.get(service)?.get(real);
      if (count === undefined) continue;
      if (count === 0 || nowMs - since >= DRAIN_LIMIT_MS) changes.push({ do: 'delete-real', service, real });
      else still.set(real, since);
    }
    if (still.size > 0) left.set(service, still);
  }
  return { changes, draining: left };
}
