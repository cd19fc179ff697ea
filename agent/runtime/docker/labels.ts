import type { PodIdentity } from '../types.ts';

/** Labels that dockershim and cri-dockerd write; other tools read them. */
export const label = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
  containerType: 'io.kubernetes.docker.type',
  sandboxId: 'io.kubernetes.sandbox.id',
  logPath: 'io.kubernetes.container.logpath',
} as const;

export type ContainerType = 'podsandbox' | 'container';

/** Docker has no annotations: they are labels under this prefix. */
const annotationPrefix = 'annotation.';

/** The Docker labels for a sandbox or container: the pod's identity, user labels and annotations. */
export function encodeLabels(
  type: ContainerType,
  pod: PodIdentity,
  containerName: string,
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): Record<string, string> {
  const encoded: Record<string, string> = { ...labels };
  for (const [key, value] of Object.entries(annotations)) encoded[annotationPrefix + key] = value;
  encoded[label.podName] = pod.name;
  encoded[label.podNamespace] = pod.namespace;
  encoded[label.podUid] = pod.uid;
  encoded[label.containerName] = containerName;
  encoded[label.containerType] = type;
  return encoded;
}

export function decodeAnnotations(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([key]) => key.startsWith(annotationPrefix))
      .map(([key, value]) => [key.slice(annotationPrefix.length), value]),
  );
}

/** The labels that the pod itself has, and its identity: without what is Docker's way to keep the rest. */
export function userLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const own: readonly string[] = [label.containerType, label.sandboxId, label.logPath];
  return Object.fromEntries(
    Object.entries(labels).filter(([key]) => !key.startsWith(annotationPrefix) && !own.includes(key)),
  );
}

export function decodePod(labels: Readonly<Record<string, string>>): PodIdentity {
  return {
    name: labels[label.podName] ?? '',
    namespace: labels[label.podNamespace] ?? '',
    uid: labels[label.podUid] ?? '',
  };
}
