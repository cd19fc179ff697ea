import type { FieldPath } from './field-path.ts';
import { given, invalid, type FieldProblem } from './field-problem.ts';
import { containerRequests, podLevelRequests } from './pod-resources.ts';
import { parseQuantity, type Quantity } from './quantity.ts';
import type { Container, Pod } from './types.ts';
import { validateResources } from './validate-resources.ts';

type Quantities = Readonly<Record<string, number | string>>;

/** What a pod as a whole can ask for. */
const POD_RESOURCES = ['cpu', 'memory', 'hugepages-'];

const MILLI = 1_000_000n;
const UNIT = 1_000_000_000n;

/**
 * Checks the resources of a pod as a whole against those of its containers (`validatePodResources`, KEP-2837).
 *
 * @param path of the spec
 */
export function validatePodResources(pod: Pod, path: FieldPath): readonly FieldProblem[] {
  return given(pod.spec.resources, (resources) => [
    ...validateResources(resources, [...path, 'resources'], POD_RESOURCES),
    ...validateRequests(pod, [...path, 'resources', 'requests']),
    ...pod.spec.containers.flatMap((container, index) =>
      validateLimits(container, resources.limits ?? {}, [...path, 'containers', index, 'resources', 'limits']),
    ),
  ]);
}

/** The pod must request at least what its containers do together; what it does not request itself follows them. */
function validateRequests(pod: Pod, path: FieldPath): readonly FieldProblem[] {
  const requests = podLevelRequests(pod);
  const own: Quantities = pod.spec.resources?.requests ?? {};
  return [...containerRequests(pod)].flatMap(([name, together]) => {
    const request = requests.get(name);
    if (request === undefined || together <= request) return [];
    const detail = `must be greater than or equal to aggregate container requests of ${format(name, together)}`;
    return [invalid([...path, { key: name }], own[name] ?? format(name, request), detail)];
  });
}

function validateLimits(container: Container, ofPod: Quantities, path: FieldPath): readonly FieldProblem[] {
  const limits: Quantities = container.resources.limits ?? {};
  return Object.entries(limits).flatMap(([name, limit]) => {
    const [own, pod] = [parseQuantity(limit), parseQuantity(ofPod[name] ?? '')];
    if (own === undefined || pod === undefined || own <= pod) return [];
    return [
      invalid([...path, { key: name }], limit, `must be less than or equal to pod limits of ${ofPod[name] ?? ''}`),
    ];
  });
}

function format(name: string, quantity: Quantity): string {
  return name === 'cpu' && quantity % UNIT !== 0n ? `${quantity / MILLI}m` : String(quantity / UNIT);
}
