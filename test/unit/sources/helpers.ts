import type { Pod } from '../../../agent/objects/index.ts';
import type { SourcedPod } from '../../../agent/sources/index.ts';

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
