import type { JoinSettings } from './settings.ts';

export interface StartPlan {
  readonly settings: Pick<JoinSettings, 'paths' | 'kubeletArgs'>;
  /** Flags of `podwright run`, without dashes. */
  readonly known: ReadonlySet<string>;
  /** Whether systemd has a unit of podwright. */
  readonly hasUnit: boolean;
}

/** The last words of a join: how the node comes to life. */
export function startAdvice({ settings: { paths, kubeletArgs }, known, hasUnit }: StartPlan): string {
  const used = kubeletArgs.filter(({ name }) => known.has(name));
  const unused = kubeletArgs.filter(({ name }) => !known.has(name));
  const run = [
    `podwright run --kubeconfig=${paths.kubeconfig} --config=${paths.kubeletConfig}`,
    ...used.map(({ name, value }) => `--${name}=${value}`),
  ].join(' ');
  return [
    '',
    'This node has joined the cluster: it has a certificate of its own, which it renews itself.',
    ...unused.map(({ name }) => `The kubelet flag --${name} is not one of podwright's: it has no effect.`),
    `Start it: ${hasUnit ? 'systemctl enable --now podwright' : run}`,
    'Then `kubectl get nodes` on a control-plane node shows it.',
  ].join('\n');
}
