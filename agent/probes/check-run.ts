import { messageOf } from '../../cni/index.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { probeExec } from './exec.ts';
import { probeGrpc } from './grpc.ts';
import { probeHttp } from './http.ts';
import { createStartGate } from './start-gate.ts';
import { probeTcp } from './tcp.ts';
import type { Check, CheckContext, Outcome } from './types.ts';

/** `maxProbeRetries` of `pkg/kubelet/prober/prober.go`. */
const maxTries = 3;
/** Commands that start at a time: to start a process is what costs the runtime, not that it runs. */
const execSlots = 16;
const execHoldMs = 1_000;

export type RunCheck = (check: Check, context: CheckContext) => Promise<Outcome>;

type CheckRunners = {
  readonly [T in Check['type']]: (check: Extract<Check, { type: T }>, context: CheckContext) => Promise<Outcome>;
};

/**
 * Runs checks. One that cannot be run is tried again at once, three times in all, and is then an error
 * (`runProbeWithRetries`). Rejects only when the signal is aborted.
 */
export function createCheckRunner(runtime: Pick<ContainerRuntime, 'execSync'>): RunCheck {
  const execs = createStartGate(execSlots, execHoldMs);
  const runners: CheckRunners = {
    exec: async (check, context) => execs.run(async () => probeExec(runtime, check, context), context.signal),
    http: probeHttp,
    tcp: probeTcp,
    grpc: probeGrpc,
    impossible: async ({ reason }) => Promise.resolve({ result: 'error', message: reason }),
  };
  return async (check, context) => {
    for (let tries = 1; ; tries += 1) {
      const outcome = await runOnce(runners, check, context);
      if (outcome.result !== 'error' || check.type === 'impossible' || tries === maxTries) return outcome;
    }
  };
}

async function runOnce(runners: CheckRunners, check: Check, context: CheckContext): Promise<Outcome> {
  try {
    return await runners[check.type](check as never, context);
  } catch (error) {
    context.signal.throwIfAborted();
    return { result: 'error', message: messageOf(error) };
  }
}
