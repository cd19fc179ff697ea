import type { PodReport } from '../../server/local/state.ts';
import type { SourceProblem } from '../../sources/types.ts';
import type { StatusDocument } from '../local-client.ts';
import { renderProblem } from './render.ts';

/**
 * The pod that a user means: by its full name, or by the name in its manifest, which lacks the node.
 *
 * @throws RangeError when there is none, or more than one; the message names the pods that there are, and what keeps a
 * manifest of that name from being one
 */
export function findPod(
  { pods, problems, node }: StatusDocument,
  name: string,
  namespace: string | undefined,
): PodReport {
  const names = new Set([name, `${name}-${node.name.toLowerCase()}`]);
  const found = pods.filter(
    ({ pod: { metadata } }) => names.has(metadata.name) && (namespace ?? metadata.namespace) === metadata.namespace,
  );
  const [first, second] = found;
  if (first === undefined) throw new RangeError(`there is no pod ${name}; ${listOf(pods)}${reasons(problems, name)}`);
  if (second !== undefined) {
    throw new RangeError(`more than one pod is called ${name}: say which with -n; ${listOf(found)}`);
  }
  return first;
}

function listOf(pods: readonly PodReport[]): string {
  if (pods.length === 0) return 'there are no pods';
  return `pods here: ${pods.map(({ pod }) => `${pod.metadata.namespace}/${pod.metadata.name}`).join(', ')}`;
}

/** Every broken manifest may be the one that is meant: one that cannot be read has no name. */
function reasons(problems: readonly SourceProblem[], name: string): string {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const named = errors.filter(({ pod, origin }) => pod?.includes(name) === true || origin.includes(name));
  const shown = named.length > 0 ? named : errors;
  if (shown.length === 0) return '';
  return `\nManifests that are not running:\n${shown.map((problem) => `  ${renderProblem(problem)}`).join('\n')}`;
}

/** What is wrong with the manifest of a pod: an edit may have made it invalid while its last good version runs on. */
export function problemsOfPod(
  problems: readonly SourceProblem[],
  { pod: { metadata }, origin }: PodReport,
): readonly SourceProblem[] {
  const key = `${metadata.namespace}/${metadata.name}`;
  return problems.filter((problem) => (problem.pod === undefined ? problem.origin === origin : problem.pod === key));
}
