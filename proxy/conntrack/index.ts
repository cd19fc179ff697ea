import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Exec, ExecFailure } from '../../cni/index.ts';
import type { ProxyLog } from '../log.ts';
import type { Family, Protocol, ProxyPlan } from '../types.ts';
import { type Flow, parseFlows } from './flow.ts';
import { planFlowCheck, staleFlows } from './plan.ts';
import { renderDeletions } from './render.ts';

/** Keeps the kernel's memory of UDP and SCTP flows in step with the rules. */
export interface FlowReconciler {
  /**
   * Deletes the flows that a change of plan left stale, to be called when the rules are in the kernel. Runs no process when
   * no UDP or SCTP port changed, else one for a protocol, and one for all deletions. What fails is logged, and tried again by
   * the next call: rules are good without it.
   *
   * @returns the number of flows that were deleted, undefined when there was nothing to look for
   */
  reconcile(plan: ProxyPlan, signal: AbortSignal): Promise<number | undefined>;
}

export interface FlowReconcilerOptions {
  readonly exec: Exec;
  readonly family: Family;
  readonly log: ProxyLog;
}

/** Each deletion walks through the whole table. */
const TIMEOUT_MS = 120_000;

/** Exit code for arguments that the program does not understand. */
const USAGE_ERROR = 2;

export function createFlowReconciler({ exec, family, log }: FlowReconcilerOptions): FlowReconciler {
  let checked: ProxyPlan | undefined;
  let isMissingTold = false;

  const conntrack = async (args: readonly string[], signal: AbortSignal): Promise<string> =>
    (await exec({ file: 'conntrack', args, timeoutMs: TIMEOUT_MS }, signal)).stdout;

  const list = async (protocols: readonly Protocol[], signal: AbortSignal): Promise<readonly Flow[]> => {
    const flows: Flow[] = [];
    for (const protocol of protocols) {
      const args = ['-L', '-f', `ipv${family}`, '-p', protocol.toLowerCase()];
      for (const flow of parseFlows(await conntrack(args, signal))) flows.push(flow);
    }
    return flows;
  };

  const remove = async (flows: readonly Flow[], signal: AbortSignal): Promise<void> => {
    const deletions = renderDeletions(flows);
    const [first, ...others] = deletions;
    if (first === undefined) return;
    if (others.length === 0) return removeOne(first, signal);
    try {
      const commands = deletions.map((args) => `${args.join(' ')}\n`).join('');
      await withFile(commands, (path) => conntrack(['-R', path], signal));
    } catch (error) {
      // conntrack-tools before 1.4.7 take no commands from a file.
      if (!(error instanceof ExecFailure) || error.exitCode !== USAGE_ERROR) throw error;
      for (const args of deletions) await removeOne(args, signal);
    }
  };

  const removeOne = async (args: readonly string[], signal: AbortSignal): Promise<void> => {
    try {
      await conntrack(args, signal);
    } catch (error) {
      // The flow has ended meanwhile.
      if (!(error instanceof ExecFailure && error.stderr.includes(' 0 flow entries'))) throw error;
    }
  };

  const warn = (err: unknown): void => {
    const isMissing = err instanceof ExecFailure && err.notFound;
    if (isMissing && isMissingTold) return;
    isMissingTold ||= isMissing;
    const lost = 'UDP clients that go on sending may stay with an endpoint that is gone';
    log.warn({ err, family }, isMissing ? `${lost}: apt-get install conntrack` : `cannot delete stale flows: ${lost}`);
  };

  return {
    reconcile: async (plan, signal) => {
      const check = planFlowCheck(checked, plan);
      try {
        const stale = check === undefined ? [] : staleFlows(check, await list(check.protocols, signal));
        await remove(stale, signal);
        checked = plan;
        return check === undefined ? undefined : stale.length;
      } catch (error) {
        signal.throwIfAborted();
        warn(error);
        return undefined;
      }
    },
  };
}

/** conntrack opens its standard input by name, which cannot be done with the sockets that Node gives to programs. */
async function withFile(content: string, use: (path: string) => Promise<unknown>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'podwright-conntrack-'));
  try {
    const path = join(directory, 'commands');
    await writeFile(path, content);
    await use(path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
