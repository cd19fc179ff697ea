import type { InitSettings, Taint } from './settings.ts';

export const controlPlaneLabel = 'node-role.kubernetes.io/control-plane';
const masterLabel = 'node-role.kubernetes.io/master';

/** The labels of a control-plane node (`phases/markcontrolplane`). */
export function controlPlaneLabels(minor: number): Readonly<Record<string, string>> {
  return {
    ...(minor < 24 ? { [masterLabel]: '' } : {}),
    [controlPlaneLabel]: '',
    'node.kubernetes.io/exclude-from-external-load-balancers': '',
  };
}

/**
 * Marks a Node as one of the control plane, in a merge patch; its other taints stay.
 *
 * @param current taints that it has now
 */
export function markPatch(
  { version, taints }: Pick<InitSettings, 'version' | 'taints'>,
  current: readonly Taint[],
): object {
  const isSame = (one: Taint, other: Taint): boolean => one.key === other.key && one.effect === other.effect;
  const kept = current.filter((taint) => !taints.some((each) => isSame(each, taint)));
  return {
    metadata: { labels: controlPlaneLabels(version.minor) },
    spec: { taints: [...taints, ...kept] },
  };
}
