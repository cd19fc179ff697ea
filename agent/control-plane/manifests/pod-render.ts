import { stringify } from 'yaml';
import type { Argument, ComponentName, HostPathMount, InitSettings } from '../settings.ts';

/** A part of the control plane, as far as its pod differs from the others. */
export interface ComponentPod {
  readonly name: ComponentName;
  readonly args: readonly Argument[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly mounts: readonly HostPathMount[];
  readonly requests: Readonly<Record<string, string>>;
  readonly probes: Readonly<Record<string, object>>;
}

/**
 * A static pod as `cmd/kubeadm/app/util/staticpod` makes it: on the host's network, of the highest priority, found by the
 * labels `component` and `tier`.
 */
export function renderComponentPod(pod: ComponentPod, settings: InitSettings): object {
  const { name, annotations, args, requests, probes } = pod;
  const { extraArgs, extraVolumes, extraEnvs } = settings.components[name];
  const mounts = [...pod.mounts, ...extraVolumes].toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(annotations === undefined ? {} : { annotations }),
      labels: { component: name, tier: 'control-plane' },
      name,
      namespace: 'kube-system',
    },
    spec: {
      containers: [
        {
          command: [name, ...renderArgs(args, extraArgs)],
          ...(extraEnvs.length === 0 ? {} : { env: extraEnvs }),
          image: settings.images[name],
          imagePullPolicy: settings.imagePullPolicy,
          ...probes,
          name,
          resources: { requests },
          volumeMounts: mounts.map(volumeMount),
        },
      ],
      hostNetwork: true,
      priority: 2_000_001_000,
      priorityClassName: 'system-node-critical',
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      volumes: mounts.map(volume),
    },
  };
}

export const renderYaml = (object: object): string =>
  stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });

/** In the order of names, those of the user in the place of those of the same name. */
function renderArgs(own: readonly Argument[], extra: readonly Argument[]): readonly string[] {
  const given = new Set(extra.map(({ name }) => name));
  return [...own.filter(({ name }) => !given.has(name)), ...extra]
    .toSorted((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0))
    .map(({ name, value }) => `--${name}=${value}`);
}

const volumeMount = ({ name, mountPath, readOnly }: HostPathMount): object => ({
  ...{ mountPath, name },
  ...(readOnly ? { readOnly } : {}),
});

const volume = ({ name, hostPath: path, pathType }: HostPathMount): object => ({
  hostPath: { path, ...(pathType ? { type: pathType } : {}) },
  name,
});

/** Arguments of a record, without those that have no value. */
export const argsOf = (flags: Readonly<Record<string, string | undefined>>): readonly Argument[] =>
  Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));

/** A file or directory that has the same path in the container. */
export function samePath(name: string, path: string, pathType: string, readOnly: boolean): HostPathMount {
  return { name, hostPath: path, mountPath: path, pathType, readOnly };
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly scheme: 'HTTP' | 'HTTPS';
}

/** The probes of kubeadm, of which the startup one waits as long as the control plane may take to come up. */
export function renderProbes(
  endpoint: Endpoint,
  paths: { readonly liveness: string; readonly readiness?: string; readonly startup: string },
  startTimeoutMs: number,
): Readonly<Record<string, object>> {
  const probe = (path: string, failureThreshold: number, periodSeconds: number, initialDelaySeconds?: number): object => ({
    failureThreshold,
    httpGet: { host: endpoint.host, path, port: endpoint.port, scheme: endpoint.scheme },
    ...(initialDelaySeconds === undefined ? {} : { initialDelaySeconds }),
    ...{ periodSeconds, timeoutSeconds: 15 },
  });
  const { liveness, readiness, startup } = paths;
  return {
    livenessProbe: probe(liveness, 8, 10, 10),
    ...(readiness === undefined ? {} : { readinessProbe: probe(readiness, 3, 1) }),
    startupProbe: probe(startup, Math.ceil(startTimeoutMs / 10_000), 10, 10),
  };
}
