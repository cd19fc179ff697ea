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
