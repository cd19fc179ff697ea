import type { Pod } from '../../../agent/objects/index.ts';
import type { ConfigMap } from '../../../agent/objects/types.ts';
import type { SourcedPod } from '../../../agent/sources/index.ts';
import type { SourcedObject } from '../../../agent/sources/types.ts';

/** A pod of which only the identity matters. */
export function sourced(name: string, uid: string, origin: string): SourcedPod {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid, annotations: {}, labels: {} },
    spec: {
      containers: [],
      volumes: [],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      nodeName: 'node',
    },
  };
  return { pod, source: 'file', origin };
}

/** A ConfigMap of which only name and version matter. */
export function sourcedMap(
  name: string,
  version: string,
  origin: string,
): SourcedObject & { readonly object: ConfigMap } {
  const metadata = { name, namespace: 'default', uid: name, labels: {}, annotations: {}, resourceVersion: version };
  return { object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { version } }, source: 'file', origin };
}
