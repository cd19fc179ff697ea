import type { Container, Pod } from '../../../agent/objects/types.ts';
import { annotation, containerHash } from '../../../agent/pods/annotations.ts';
import type { PlanFacts, PodActions } from '../../../agent/pods/plan-types.ts';
import { linuxResources } from '../../../agent/pods/resources.ts';
import type { RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../../../agent/runtime/types.ts';

/** 2026-01-01T00:00:00Z */
export const t0 = Date.UTC(2026, 0, 1);

export function container(name: string, extra: Partial<Container> = {}): Container {
  return {
    name,
    image: `registry.test/${name}:1`,
    imagePullPolicy: 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    env: [],
    ports: [],
    volumeMounts: [],
    ...extra,
  };
}

export function pod(spec: Partial<Pod['spec']> = {}, annotations: Record<string, string> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web-node',
      namespace: 'default',
      uid: 'u1',
      labels: {},
      annotations: { [annotation.configHash]: 'h1', ...annotations },
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      nodeName: 'node',
      volumes: [],
      containers: [container('app')],
      ...spec,
    },
  };
}

export function sandbox(extra: Partial<SandboxStatus> = {}): SandboxStatus {
  return {
    id: 's0',
    pod: { name: 'web-node', namespace: 'default', uid: 'u1' },
    attempt: 0,
    state: 'ready',
    createdAt: t0,
    hostNetwork: false,
    ips: ['203.0.113.2'],
    annotations: { [annotation.configHash]: 'h1' },
    ...extra,
  };
}

export function instance(name: string, extra: Partial<RuntimeContainerStatus> = {}): RuntimeContainerStatus {
  return {
    id: `${name}-0`,
    name,
    sandboxId: 's0',
    attempt: 0,
    state: 'running',
    createdAt: t0,
    startedAt: t0 + 1000,
    finishedAt: 0,
    exitCode: 0,
    oomKilled: false,
    error: '',
    image: `registry.test/${name}:1`,
    imageId: 'sha256:aa',
    annotations: { [annotation.containerHash]: containerHash(container(name)) },
    ...extra,
  };
}

export const exited = (
  name: string,
  exitCode: number,
  extra: Partial<RuntimeContainerStatus> = {},
): RuntimeContainerStatus => instance(name, { state: 'exited', exitCode, finishedAt: t0 + 5000, ...extra });

export function observed(
  sandboxes: readonly SandboxStatus[] = [],
  containers: readonly RuntimeContainerStatus[] = [],
): RuntimePod {
  return { uid: 'u1', sandboxes, containers };
}

/** Nothing waits, every probe is content, nothing was published. */
export function facts(extra: Partial<PlanFacts> = {}): PlanFacts {
  return {
    crashBackoff: () => undefined,
    probes: { isStarted: () => true, failure: () => undefined },
    resourcesOf: linuxResources,
    isTerminal: false,
    published: () => undefined,
    ...extra,
  };
}

/** A plan as one line, so that a table of cases can be read. */
export function summary(actions: PodActions): string {
  const parts = [
    actions.replace ? 'replace' : '',
    actions.finished ? 'finished' : '',
    actions.stopSandboxes.length > 0 ? `stop ${actions.stopSandboxes.map(({ id }) => id).join(',')}` : '',
    actions.killContainers.length > 0
      ? `kill ${actions.killContainers.map(({ container: { id } }) => id).join(',')}`
      : '',
    actions.createSandbox === undefined ? '' : `sandbox #${actions.createSandbox}`,
    ...actions.startContainers.map((start) => `start ${start.container.name}#${start.attempt}`),
    ...actions.backingOff.map((wait) => `wait ${wait.container.name}`),
    actions.removeContainers.length > 0 ? `remove ${actions.removeContainers.join(',')}` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}
