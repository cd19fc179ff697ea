import { exec, formatIp, messageOf, parseIp } from '../../cni/index.ts';
import { type Family, type HeldIndex, indexHeld, type ModeChoice, readHeld } from '../../proxy/index.ts';
import type { Pod } from '../objects/types.ts';
import type { NodeActions } from '../server/local/actions.ts';
import type { DaemonState } from '../server/local/state.ts';
import { type ProxyReport, reportServices, type ServicesState } from '../services/report.ts';
import { TraceQuestionError } from '../services/trace-plan.ts';
import { traceReport } from '../services/trace-report.ts';
import type { Foundation } from './foundation.ts';
import type { NodeProxy } from './proxy.ts';
import type { Workers } from './workers.ts';

/** What the local API shows of Services. */
export function createServiceReports(
  { config, store, addresses }: Foundation,
  { manager, services }: Pick<Workers, 'manager' | 'services'>,
): Pick<DaemonState, 'services' | 'trace'> & Pick<NodeActions, 'servicesInKernel'> {
  const proxy = (): ProxyReport => reportProxy(services.proxy);
  const state = (): ServicesState => ({
    ...{ proxy: proxy(), services: services.services(), slices: services.slices() },
    plans: services.proxy.proxy.plans(),
    problems: [...store.problems().filter(({ object = '' }) => object.startsWith('Service/')), ...services.problems()],
  });
  return {
    services: () => reportServices(state()),
    servicesInKernel: async (signal) => {
      const outcome = services.proxy.outcome();
      if (outcome?.mode === undefined) return reportServices(state());
      try {
        const kernel = await readKernel(outcome, signal);
        return reportServices({ ...state(), kernel });
      } catch (error) {
        signal.throwIfAborted();
        const unread = messageOf(error);
        return reportServices({ ...state(), proxy: { ...proxy(), unread } });
      }
    },
    trace: (question) => {
      const { mode, reason } = proxy();
      if (mode === undefined)
        throw new TraceQuestionError(`no rules are made for Services: ${reason ?? 'there are none'}`);
      return traceReport(question, {
        ...{ mode, plans: services.proxy.proxy.plans(), nodeName: config.nodeName },
        pods: manager.pods().map(({ pod, status }): Pod => (status === undefined ? pod : { ...pod, status })),
        services: services.services(),
        localAddresses: [...new Set(addresses.current().all.flatMap(reachable))],
      });
    },
  };
}

/** What the kernel shows now, of each family that Services work for. */
async function readKernel(
  { mode, families }: ModeChoice,
  signal: AbortSignal,
): Promise<ReadonlyMap<Family, HeldIndex>> {
  const read = families.map(async (family) => [family, indexHeld(await readHeld(mode, family, exec, signal))] as const);
  return new Map(await Promise.all(read));
}

function reportProxy(node: NodeProxy): ProxyReport {
  const { mode, reason } = node.outcome() ?? {};
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(reason === undefined ? {} : { reason }),
    settled: node.proxy.isSettled(),
  };
}

/** The address as rules have it, unless it is one of the loopback. */
function reachable(address: string): readonly string[] {
  const ip = parseIp(address);
  return ip === undefined || /^(127\.|::1$)/.test(address) ? [] : [formatIp(ip)];
}
