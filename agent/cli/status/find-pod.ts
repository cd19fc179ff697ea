import type { PodReport } from '../../server/local/state.ts';

/**
 * The pod that a user means: by its full name, or by the name in its manifest, which lacks the node.
 *
 * @throws RangeError when there is none, or more than one; the message names the pods that there are
 */
export function findPod(
  pods: readonly PodReport[],
  name: string,
  namespace: string | undefined,
  nodeName: string,
): PodReport {
  const names = new Set([name, `${name}-${nodeName.toLowerCase()}`]);
  const found = pods.filter(
    ({ pod: { metadata } }) => names.has(metadata.name) && (namespace ?? metadata.namespace) === metadata.namespace,
  );
  const [first, second] = found;
  if (first === undefined) throw new RangeError(`there is no pod ${name}; ${listOf(pods)}`);
  if (second !== undefined)
    throw new RangeError(`more than one pod is called ${name}: say which with -n; ${listOf(found)}`);
  return first;
}

function listOf(pods: readonly PodReport[]): string {
  if (pods.length === 0) return 'there are no pods';
  return `pods here: ${pods.map(({ pod }) => `${pod.metadata.namespace}/${pod.metadata.name}`).join(', ')}`;
}
