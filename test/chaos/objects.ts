import type { TestImage } from '../lab/images.ts';
import { shell } from '../e2e/manifests.ts';
import { serviceCount } from './plan.ts';

/** The pods and Services of the chaos run, and the names by which they are found again. */

export interface ChaosObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: object;
}

export const serviceRange = '192.0.2.0/24';
export const servicePort = 8080;

/** Two, so that an edit changes the image too. */
export const chaosImages: readonly TestImage[] = [0, 1].map((index) => ({
  name: `podwright-test/chaos:${index}`,
  config: { Cmd: ['sh'], Env: [`IMAGE=${index}`] },
}));

export function podName(pod: number): string {
  return `p${pod}`;
}

export function serviceName(service: number): string {
  return `s${service}`;
}

export function serviceAddress(service: number): string {
  return `192.0.2.${10 + service}`;
}

/** What the pod answers: which pod in which revision it is. */
export function answerOf(pod: number, revision: number): string {
  return `${podName(pod)}-r${revision}`;
}

export function imageOf(revision: number): string {
  return `podwright-test/chaos:${revision % 2}`;
}

export function commandOf(pod: number, revision: number): readonly string[] {
  const serve = `mkdir -p /www; echo ${answerOf(pod, revision)} >/www/index.html; httpd -f -p 80 -h /www & wait`;
  return ['sh', '-c', `trap "exit 0" TERM; ${serve}`];
}

/** By the full name: a static pod has the node's name behind its own, a pod of a controller another suffix. */
export function podOfName(name: string): number | undefined {
  const [, digits] = /^p(\d+)(?:-|$)/.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** The label by which a pod is found by its Service. */
export function labelsOf(pod: number, pods: number): Readonly<Record<string, string>> {
  return { app: serviceName(pod % serviceCount(pods)) };
}

/** A web server with a readiness probe; every second pod has a mount of its own. */
export function podObject(pod: number, revision: number, pods: number): ChaosObject {
  const mounted = pod % 2 === 1;
  const container = shell('web', '', {
    image: imageOf(revision),
    command: commandOf(pod, revision),
    ports: [{ name: 'http', containerPort: 80 }],
    readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 2, timeoutSeconds: 5 },
    ...(mounted && { volumeMounts: [{ name: 'memory', mountPath: '/memory' }] }),
  });
  const volumes = mounted ? [{ name: 'memory', emptyDir: { medium: 'Memory' } }] : [];
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name: podName(pod), labels: labelsOf(pod, pods) },
    spec: { terminationGracePeriodSeconds: 1, containers: [container], volumes },
  };
}

export function serviceObject(service: number): ChaosObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: serviceName(service) },
    spec: {
      clusterIP: serviceAddress(service),
      selector: { app: serviceName(service) },
      ports: [{ port: servicePort, targetPort: 'http' }],
    },
  };
}
