import type { JoinSettings } from './settings.ts';

export interface StartPlan {
  readonly settings: Pick<JoinSettings, 'paths' | 'kubeletArgs'>;
  /** Flags of `podwright run`, without dashes. */
  readonly known: ReadonlySet<string>;
  /** Whether systemd has a unit of podwright. */
  readonly hasUnit: boolean;
}

/**
 * The last words of a join: how the node comes to life.
 *
 * @param isStarted systemd runs the daemon
 */
export function startAdvice(plan: StartPlan, isStarted: boolean): string {
  const { settings, known } = plan;
  const unused = settings.kubeletArgs.filter(({ name }) => !known.has(name));
  return [
    '',
    'This node has joined the cluster: it has a certificate of its own, which it renews itself.',
    ...unused.map(({ name }) => `The kubelet flag --${name} is not one of podwright's: it has no effect.`),
    ...(isStarted ? [] : [`Start it: ${startCommand(plan)}`]),
    'Then `kubectl get nodes` on a control-plane node shows it.',
  ].join('\n');
}

/** How the daemon of a node is started. */
export function startCommand({ settings: { paths, kubeletArgs }, known, hasUnit }: StartPlan): string {
  if (hasUnit) return 'systemctl enable --now podwright';
  return [
    `podwright run --kubeconfig=${paths.kubeconfig} --config=${paths.kubeletConfig}`,
    ...kubeletArgs.filter(({ name }) => known.has(name)).map(({ name, value }) => `--${name}=${value}`),
  ].join(' ');
}
