import { isDeepStrictEqual } from 'node:util';
import { ExecFailure, type Exec } from '../../cni/index.ts';
import type { Family, ProxyBackend, ProxyPlan, ProxySettings, ServicePortPlan } from '../types.ts';
import { CANARY_CHAIN } from './names.ts';
import { listOwnChains, renderOwnChains } from './own-chains.ts';
import { PROGRAMS, type Programs } from './programs.ts';
import { fullChange, isLarge } from './render.ts';
import { isEmpty, renderPieces, TABLES, type Change } from './restore.ts';
import {
  countPieces,
  noRules,
  type Replaced,
  reportCounts,
  type RuleCounts,
  sumOf,
  totalAfterFull,
  totalAfterPartial,
} from './rule-counts.ts';
import { renderCleanup } from './saved.ts';
import { renderSharedChains, type SharedChain } from './shared-chains.ts';
import { renderSharedRules, type SharedRules } from './shared-rules.ts';

/** Seconds that a program waits for the lock that all users of legacy iptables share. */
const LOCK_WAIT = ['-w', '5'];

/** 5,000 Services take some seconds in the kernel, and more on a busy machine. */
const RESTORE_TIMEOUT_MS = 120_000;

export interface IptablesOptions {
  readonly exec: Exec;
  readonly family: Family;
  /** Default {@link PROGRAMS}: those that the host's alternatives choose, so that all on the host use the same variant. */
  readonly programs?: Programs;
}

/** What the kernel was last brought to. */
interface Written {
  readonly settings: ProxySettings;
  readonly services: ReadonlySet<ServicePortPlan>;
  readonly shared: readonly SharedChain[];
  readonly total: RuleCounts;
}

/**
 * Services by iptables, in kube-proxy's chains.
 *
 * A partial sync is one `iptables-restore` that fills anew the chains of ports whose plans are other objects than before, and
 * those shared chains whose text differs; nothing is run when nothing differs. A full sync asks `iptables-save` first, for jumps
 * that are missing and for chains that an earlier daemon left.
 */
export function createIptablesBackend({ exec, family, programs = PROGRAMS[family] }: IptablesOptions): ProxyBackend {
  const known = new WeakMap<ServicePortPlan, SharedRules>();
  const rulesOf = (plan: ServicePortPlan): SharedRules => remember(known, plan, renderSharedRules);
  let written: Written | undefined;

  const save = async (signal: AbortSignal): Promise<string> =>
    (await exec({ file: programs.save, args: [], timeoutMs: RESTORE_TIMEOUT_MS }, signal)).stdout;

  /** The program reads the first rules while the last ones are not rendered yet. */
  const restore = async (render: () => Iterable<string>, signal: AbortSignal): Promise<RuleCounts> => {
    const counts = noRules();
    const inputPieces = countPieces(render(), counts);
    const args = ['--noflush', ...LOCK_WAIT, '--counters'];
    try {
      await exec({ file: programs.restore, args, inputPieces, timeoutMs: RESTORE_TIMEOUT_MS }, signal);
    } catch (error) {
      throw error instanceof ExecFailure ? withLine(error, [...render()].join('')) : error;
    }
    return counts;
  };

  return {
    sync: async (plan, full, signal) => {
      const last = full || !isDeepStrictEqual(written?.settings, plan.settings) ? undefined : written;
      // The program reads the kernel's rules while ours are rendered.
      const saving = last === undefined ? save(signal) : undefined;
      saving?.catch(() => undefined);
      const shared = renderSharedChains(plan, rulesOf);
      const change =
        last === undefined ? fullChange(plan, shared, (await saving) ?? '') : partialChange(plan, shared, last);
      written = undefined;
      const count = isEmpty(change) ? noRules() : await restore(() => renderPieces(change), signal);
      const total =
        last === undefined
          ? totalAfterFull(count, change)
          : totalAfterPartial(last.total, count, replacedBy(plan, shared, last), plan.settings);
      written = { settings: plan.settings, services: new Set(plan.services), shared, total };
      return { full: last === undefined, written: sumOf(count), iptablesRules: reportCounts(total, count) };
    },
    isIntact: async (signal) => {
      for (const table of TABLES) {
        if (!(await hasCanary(table, { exec, programs }, signal))) return false;
      }
      return true;
    },
    cleanup: async (signal) => {
      written = undefined;
      const saved = await save(signal);
      // IPVS has chains of the same names, and no canary.
      if (!saved.includes(`:${CANARY_CHAIN} `)) return;
      const input = renderCleanup(saved);
      if (input !== '') await restore(() => [input], signal);
    },
  };
}

function remember<K extends object, V>(known: WeakMap<K, V>, key: K, make: (key: K) => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make(key);
  known.set(key, made);
  return made;
}

function partialChange(plan: ProxyPlan, shared: readonly SharedChain[], last: Written): Change {
  const options = { settings: plan.settings, isLarge: isLarge(plan) };
  const current = new Set(plan.services);
  const own = plan.services
    .filter((service) => !last.services.has(service))
    .map((service) => renderOwnChains(service, options));
  const wanted = new Set(own.flatMap(({ chains }) => chains));
  const before = [...last.services].filter((service) => !current.has(service)).flatMap(listOwnChains);
  return {
    shared: shared.filter(({ rules }, index) => rules !== last.shared[index]?.rules),
    own,
    gone: before.filter((chain) => !wanted.has(chain)),
    jumps: [],
  };
}

function replacedBy(plan: ProxyPlan, shared: readonly SharedChain[], last: Written): Replaced {
  const current = new Set(plan.services);
  return {
    shared: last.shared.filter(({ rules }, index) => rules !== shared[index]?.rules),
    services: [...last.services].filter((service) => !current.has(service)),
  };
}

async function hasCanary(
  table: string,
  { exec, programs }: { readonly exec: Exec; readonly programs: Programs },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await exec({ file: programs.iptables, args: [...LOCK_WAIT, '-t', table, '-S', CANARY_CHAIN] }, signal);
    return true;
  } catch (error) {
    // 1 is "no such chain"; 4 is a lock that somebody else holds, and says nothing.
    if (error instanceof ExecFailure && error.exitCode === 1) return false;
    throw error;
  }
}

/** The failure, with the rule that was refused: `iptables-restore` tells only its line. */
function withLine(failure: ExecFailure, input: string): Error {
  const [, number] = /line:? (\d+)/i.exec(failure.stderr) ?? [];
  const line = number === undefined ? undefined : input.split('\n', Number(number)).at(-1);
  if (line === undefined) return failure;
  return new Error(`cannot write rules of Services: ${failure.message}; refused at "${line}"`, { cause: failure });
}
