import { randomUUID } from 'node:crypto';
import type { Exec } from '../../cni/index.ts';
import type { Family, ProxyBackend, ProxyPlan } from '../types.ts';
import { parseAffinities } from './affinity.ts';
import { markedChain } from './base.ts';
import { deleteTable, listTable } from './nft.ts';
import { type Affinities, renderTable, type Script, type TableInput } from './render.ts';
import { tableOf } from './text.ts';
import { renderUpdate, type Written, writtenByTable } from './update.ts';

/** A table of 5,000 Services with 5 endpoints each takes `nft` some seconds on a small machine. */
const timeoutMs = 120_000;

export interface NftablesOptions {
  readonly exec: Exec;
  readonly family: Family;
  /** Ranges that cluster IPs are taken from, of this family. Their addresses that no Service has are dropped. */
  readonly serviceCidrs?: readonly string[];
  /** Milliseconds of a clock that does not go back. */
  readonly now?: () => number;
  /** Text that tells this backend's table from that of another program. */
  readonly marker?: string;
}

/**
 * Services by nftables, in a table of their own. One `nft` process a sync, and a second one before a full sync when there are
 * clients that stay with their endpoint.
 */
export function createNftablesBackend(options: NftablesOptions): ProxyBackend {
  const { exec, family, now = () => performance.now() } = options;
  const input: TableInput = {
    serviceCidrs: options.serviceCidrs ?? [],
    marker: options.marker ?? `podwright ${randomUUID()}`,
  };
  let written: Written | undefined;
  let planned: ProxyPlan | undefined;
  const run = async ({ text }: Script, after: Written, signal: AbortSignal): Promise<void> => {
    // Until the kernel has said yes, what it holds is not known.
    written = undefined;
    if (text !== '') await exec({ file: 'nft', args: ['-f', '-'], input: text, timeoutMs }, signal);
    written = after;
  };
  return {
    sync: async (plan, full, signal) => {
      planned = plan;
      if (written !== undefined && !full && hasSameSettings(written, plan)) {
        const update = renderUpdate(written, plan, now());
        await run(update, update.after, signal);
        return { full: false, written: update.written };
      }
      const script = renderTable(plan, input, await affinitiesOf(exec, plan, signal));
      await run(script, writtenByTable(plan), signal);
      return { full: true, written: script.written };
    },
    tend: async (signal) => {
      if (planned === undefined || written === undefined || written.stale.size === 0) return;
      const update = renderUpdate(written, planned, now());
      await run(update, update.after, signal);
    },
    isIntact: async (signal) => {
      const listed = await listTable(exec, ['-t', 'list', 'chain', ...tableOf(family).split(' '), markedChain], signal);
      return listed?.includes(`"${input.marker}"`) === true;
    },
    cleanup: async (signal) => {
      written = undefined;
      await deleteTable(exec, family, signal);
    },
  };
}

/** Settings change with the configuration or the node's addresses: then all is written anew. */
function hasSameSettings({ settings }: Written, plan: ProxyPlan): boolean {
  return settings === plan.settings || JSON.stringify(settings) === JSON.stringify(plan.settings);
}

/** The clients that stay with an endpoint are known to the kernel alone; a daemon that starts finds those of the one before. */
async function affinitiesOf(exec: Exec, { settings, services }: ProxyPlan, signal: AbortSignal): Promise<Affinities> {
  if (services.every(({ affinitySeconds }) => affinitySeconds === undefined)) return new Map();
  const args = ['-j', 'list', 'sets', 'table', ...tableOf(settings.family).split(' ')];
  return parseAffinities((await listTable(exec, args, signal)) ?? '');
}
