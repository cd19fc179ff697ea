import type { Family, ServicePortPlan } from '../types.ts';
import { categorizeEndpoints } from './categorize.ts';
import { candidatesOf } from './endpoints.ts';
import type { ProxyNode, ServiceInput, SliceInput } from './input.ts';
import { servicePortsOf } from './service-ports.ts';

/**
 * The plans of one Service in one address family, a port each.
 *
 * @param slices those of this Service, of any family
 */
export function planService(
  service: ServiceInput,
  slices: readonly SliceInput[],
  node: ProxyNode,
  family: Family,
): readonly ServicePortPlan[] {
  return servicePortsOf(service, family).map((port) => {
    const candidates = candidatesOf(slices, { port: port.name.port, protocol: port.protocol, family }, node);
    return { ...port, ...categorizeEndpoints(candidates, port, node) };
  });
}
