import { parseQuantity } from '../objects/quantity.ts';

/** Resources that can be kept for the system (kubelet: `parseResourceList`, cmd/kubelet/app/server.go). */
const reservable: readonly string[] = ['cpu', 'memory', 'ephemeral-storage', 'pid'];

/** Values of the kubelet's `enforceNodeAllocatable`. */
export const enforceableGroups: readonly string[] = ['none', 'pods', 'system-reserved', 'kube-reserved'];

/** What is wrong with `systemReserved` or `kubeReserved`; undefined when nothing is. */
export function reservationProblem(reserved: Readonly<Record<string, string>>): string | undefined {
  for (const [name, text] of Object.entries(reserved)) {
    if (!reservable.includes(name)) return `${JSON.stringify(name)} must be one of ${reservable.join(', ')}`;
    const quantity = parseQuantity(text);
    if (quantity === undefined || quantity < 0n)
      return `${name}: ${JSON.stringify(text)} must be a quantity of 0 or more`;
  }
  return undefined;
}
