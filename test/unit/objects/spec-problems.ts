import type { IPod } from 'kubernetes-models/v1';
import { defaultPod } from '../../../agent/objects/defaults.ts';
import { formatPath } from '../../../agent/objects/field-path.ts';
import type { JsonObject } from '../../../agent/objects/json.ts';
import { POD_SHAPE } from '../../../agent/objects/pod-schema.ts';
import { checkShape } from '../../../agent/objects/schema.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { validatePod } from '../../../agent/objects/validate-pod.ts';

/*
 * Pods by their API rules alone, whatever this version of podwright runs.
 */

export const APP: JsonObject = { name: 'app', image: 'registry/app:1' };

/** A pod of one container with some more fields in its spec. */
export function podOf(spec: JsonObject): JsonObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [APP], ...spec } };
}

/** The pod with its defaults. Its shape must be right. */
export function defaulted(spec: JsonObject): Pod {
  return defaultPod(podOf(spec) as unknown as IPod);
}

/** `path: message` of every problem that a spec has, without those of its support. */
export function specProblems(spec: JsonObject): readonly string[] {
  const pod = podOf(spec);
  const shape = checkShape(pod, POD_SHAPE, []);
  const found = shape.length > 0 ? shape : validatePod(defaultPod(pod as unknown as IPod));
  return found.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

/** The same for a pod whose only container has some more fields; `C` stands for its path. */
export function containerProblems(container: JsonObject, spec: JsonObject = {}): readonly string[] {
  const problems = specProblems({ ...spec, containers: [{ ...APP, ...container }] });
  return problems.map((problem) => problem.replaceAll('spec.containers[0]', 'C'));
}
