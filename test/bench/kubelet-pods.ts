import { appImage } from './stage.ts';

/** A server that takes the probes of pods. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * A pod of one container that ends on SIGTERM at once, bound to a node when it is made. Its volume is the usual token.
 *
 * @param probed asked once a second, for a path that is the pod's name
 */
export function sleepingPod(name: string, nodeName: string, probed?: ProbeTarget): object {
  const command = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 100000 & wait $!; done'];
  const probe = probed && { readinessProbe: { httpGet: { ...probed, path: `/${name}` }, periodSeconds: 1 } };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } },
    spec: { nodeName, containers: [{ name: 'app', image: appImage, command, ...probe }] },
  };
}

/** Settings of both nodes. The limits of requests are those of later releases: 1.20 would send five a second. */
export const sharedSettings = { kubeAPIQPS: 50, kubeAPIBurst: 100, eventRecordQPS: 50, eventBurst: 100 };
