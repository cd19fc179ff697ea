import { type Family, renderFamilies } from '../../cni/index.ts';
import { version } from '../version.ts';
import type { ListedContainer } from './containers.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';
import { processFamilies } from './process.ts';
import { type ClaimObservation, volumeFamilies } from './volume-render.ts';

export interface DaemonMetrics {
  readonly nodeName: string;
  /** `/proc` */
  readonly procRoot: string;
  readonly listed: readonly ListedContainer[];
  readonly claims: readonly ClaimObservation[];
  readonly kubelet: Pick<KubeletMetrics, 'render'>;
  readonly now: number;
  /** End of the client certificate, milliseconds since the epoch; undefined without one. */
  readonly clientCertificateEnd: number | undefined;
}

/** `/metrics`: what the daemon has counted, what it runs, and itself. */
export function renderDaemonMetrics(metrics: DaemonMetrics): string {
  const { nodeName, procRoot, listed, kubelet } = metrics;
  const families = [
    ...[buildInfo(), ...certificateFamilies(metrics)],
    ...volumeFamilies(metrics.claims),
    ...podFamilies(nodeName, listed),
    ...processFamilies(procRoot),
  ];
  return kubelet.render() + renderFamilies(families);
}

/** Without a certificate +Inf, as the kubelet's. The date is what kubelets before 1.20 tell. */
function certificateFamilies({ now, clientCertificateEnd: end }: DaemonMetrics): readonly Family[] {
  const left = end === undefined ? Infinity : Math.round((end - now) / 1_000);
  return [
    {
      ...{ name: 'kubelet_certificate_manager_client_ttl_seconds', type: 'gauge' },
      help: 'Time until the client certificate ends, in seconds; negative when it has ended',
      samples: [{ labels: {}, value: left }],
    },
    {
      ...{ name: 'kubelet_certificate_manager_client_expiration_seconds', type: 'gauge' },
      help: 'End of the client certificate, in seconds since the epoch',
      samples: end === undefined ? [] : [{ labels: {}, value: Math.floor(end / 1_000) }],
    },
  ];
}

function podFamilies(nodeName: string, listed: readonly ListedContainer[]): readonly Family[] {
  const sandboxes = listed.filter(({ kind, state }) => kind === 'sandbox' && state === 'running');
  const states = new Map<string, number>();
  for (const { kind, state } of listed) {
    if (kind === 'container') states.set(containerState(state), (states.get(containerState(state)) ?? 0) + 1);
  }
  return [
    {
      ...{ name: 'kubelet_node_name', type: 'gauge', help: 'Name of the node. The value is always 1.' },
      samples: [{ labels: { node: nodeName }, value: 1 }],
    },
    {
      ...{ name: 'kubelet_running_pods', type: 'gauge', help: 'Pods whose sandbox runs' },
      samples: [{ labels: {}, value: new Set(sandboxes.map(({ pod }) => pod.uid)).size }],
    },
    {
      ...{ name: 'kubelet_running_containers', type: 'gauge', help: 'Containers by their state' },
      samples: [...states].map(([state, value]) => ({ labels: { container_state: state }, value })),
    },
  ];
}

/** The states of the CRI (kubelet: `container.State`). */
function containerState(docker: string): string {
  if (docker === 'running' || docker === 'created') return docker;
  return ['exited', 'dead', 'removing'].includes(docker) ? 'exited' : 'unknown';
}

function buildInfo(): Family {
  const [major = '', minor = ''] = version.split('.');
  return {
    ...{ name: 'kubernetes_build_info', type: 'gauge', help: 'Version of podwright. The value is always 1.' },
    samples: [{ labels: { git_version: `v${version}`, major, minor, platform: `linux/${process.arch}` }, value: 1 }],
  };
}
