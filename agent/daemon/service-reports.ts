import { formatIp, parseIp } from '../../cni/index.ts';
import type { Pod } from '../objects/types.ts';
import type { DaemonState } from '../server/local/state.ts';
import { type ProxyReport, reportServices } from '../services/report.ts';
import { TraceQuestionError } from '../services/trace-plan.ts';
import { traceReport } from '../services/trace-report.ts';
import type { Foundation } from './foundation.ts';
import { hostAddresses, type NodeProxy } from './proxy.ts';
import type { Workers } from './workers.ts';

/** What the local API shows of Services. */
export function createServiceReports(
  { config, store, addresses }: Foundation,
  { manager, services }: Pick<Workers, 'manager' | 'services'>,
): Pick<DaemonState, 'services' | 'trace'> {
  const proxy = (): ProxyReport => reportProxy(services.proxy);
  return {
    services: () =>
      reportServices({
        ...{ proxy: proxy(), services: services.services(), slices: services.slices() },
        plans: services.proxy.proxy.plans(),
        problems: [
          ...store.problems().filter(({ object = '' }) => object.startsWith('Service/')),
          ...services.problems(),
        ],
      }),
    trace: (question) => {
      const { mode, reason } = proxy();
      if (mode === undefined)
        throw new TraceQuestionError(`no rules are made for Services: ${reason ?? 'there are none'}`);
      return traceReport(question, {
        ...{ mode, plans: services.proxy.proxy.plans(), nodeName: config.nodeName },
        pods: manager.pods().map(({ pod, status }): Pod => (status === undefined ? pod : { ...pod, status })),
        services: services.services(),
        localAddresses: [...new Set([...addresses, ...hostAddresses()].flatMap(reachable))],
      });
    },
  };
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
