import 'reflect-metadata'; // needed by @peculiar/x509
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { webcrypto } from 'node:crypto';

/** A Node as a kubelet registers it. */
export function nodeObject(name: string): object {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } } };
}

/** What a kubelet reports of a node that is well. */
export function readyStatus(): object {
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const times = { lastHeartbeatTime: now, lastTransitionTime: now };
  const resources = { cpu: '2', memory: '2Gi', pods: '110' };
  return {
    ...{ capacity: resources, allocatable: resources },
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '', ...times }],
  };
}

/** A pod that sleeps. */
export function podObject(name: string, spec: object = {}, volumeMounts: readonly object[] = []): object {
  const main = { name: 'main', image: 'podwright-test/busybox:1', command: ['sleep', '100000'], volumeMounts };
  const metadata = { name, namespace: 'default' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [main], ...spec } };
}

/** A pod with the label app=web that answers by HTTP with its name, and with where it takes the API server to be. */
export function webPodObject(name: string): object {
  const answer = `printf "HTTP/1.0 200 OK\\r\\n\\r\\n${name} $KUBERNETES_SERVICE_HOST"`;
  const command = ['sh', '-c', `trap "exit 0" TERM; while :; do nc -l -p 80 -e sh -c '${answer}'; done & wait`];
  const ports = [{ name: 'http', containerPort: 80 }];
  const containers = [{ name: 'main', image: 'podwright-test/busybox:1', command, ports }];
  const metadata = { name, namespace: 'default', labels: { app: 'web' } };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } };
}

export function serviceObject(name: string, clusterIP: string): object {
  const ports = [{ port: 8080, targetPort: 'http' }];
  const spec = { clusterIP, selector: { app: 'web' }, ports };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec };
}

/** Allows nodes what kube-proxy may do. */
export function proxierBinding(): object {
  const group = 'rbac.authorization.k8s.io';
  return {
    ...{ apiVersion: `${group}/v1`, kind: 'ClusterRoleBinding', metadata: { name: 'podwright:node-proxier' } },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'system:node-proxier' },
    subjects: [{ apiGroup: group, kind: 'Group', name: 'system:nodes' }],
  };
}

/** The request of a node for its first client certificate. */
export async function nodeRequest(name: string): Promise<object> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const subject = [{ O: ['system:nodes'] }, { CN: [`system:node:${name}`] }];
  const request = await Pkcs10CertificateRequestGenerator.create({ name: subject, keys, signingAlgorithm: algorithm });
  return {
    ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name } },
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      // Releases before 1.22 approve no node's request without `key encipherment`, whatever the key.
      usages: ['key encipherment', 'digital signature', 'client auth'],
    },
  };
}
