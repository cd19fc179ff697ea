import type { Pod, PodStatus } from '../../../agent/objects/types.ts';
import type { NodeActions } from '../../../agent/server/local/actions.ts';
import { TraceQuestionError } from '../../../agent/services/trace-plan.ts';
import type { DaemonState, NodeInfo, PodReport } from '../../../agent/server/local/state.ts';

export const nodeInfo: NodeInfo = {
  name: 'node-1',
  startedAt: '2026-03-01T11:00:00Z',
  version: '0.1.0',
  ready: true,
  runtime: { name: 'docker', version: '27.0.1', reachable: true, cgroupDriver: 'systemd' },
  network: { ready: true, name: 'podwright', cidrs: ['10.244.0.0/24'] },
  conditions: [],
  manifestDir: '/etc/kubernetes/manifests',
  rootDir: '/var/lib/kubelet',
  addresses: ['192.0.2.7'],
};

export function pod(name: string, status: PodStatus = {}, change: Partial<Pod['spec']> = {}): Pod {
  const container = {
    name: 'web',
    image: 'nginx:1',
    imagePullPolicy: 'IfNotPresent' as const,
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File' as const,
    env: [],
    ports: [],
    volumeMounts: [],
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-node-1`, namespace: 'default', uid: `uid-${name}`, annotations: {}, labels: {} },
    spec: {
      containers: [container],
      volumes: [],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      nodeName: 'node-1',
      ...change,
    },
    status,
  };
}

export function report(of: Pod, change: Partial<PodReport> = {}): PodReport {
  return { pod: of, origin: '/etc/kubernetes/manifests/web.yaml', terminating: false, warnings: [], ...change };
}

export function daemonState(change: Partial<DaemonState> = {}): DaemonState {
  return {
    node: () => nodeInfo,
    pods: () => [report(pod('web'))],
    problems: () => [],
    events: () => [],
    services: () => ({ proxy: { settled: true }, services: [], problems: [] }),
    trace: () => {
      throw new TraceQuestionError('there are no rules here');
    },
    ...change,
  };
}

/** Actions of a node that has nothing to act on. */
export function nodeActions(change: Partial<NodeActions> = {}): NodeActions {
  const nothing = (): Promise<never> => Promise.reject(new Error('there is no runtime here'));
  return {
    runtime: { containerLogs: nothing, exec: nothing },
    events: { list: () => [], subscribe: () => () => undefined },
    rerun: () => false,
    servicesInKernel: nothing,
    now: () => Date.parse('2026-03-01T12:00:00Z'),
    ...change,
  };
}
