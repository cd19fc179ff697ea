import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { ApiUnavailableError, isAlreadyExists, isNotFound } from '../api/errors.ts';
import { type ApiClient, type ApiObject, type Resource, resources } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import { type CertificateSubject, requestCertificate } from './csr-der.ts';
import { requestState } from './csr-status.ts';
import { JoinError } from './error.ts';

export interface CertificateWish {
  readonly subject: CertificateSubject;
  readonly signerName: 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving';
  /** After which the request is given up; kubeadm and the kubelet: 5 and 15 minutes. */
  readonly timeoutMs: number;
}

export interface IssuedCertificate {
  /** PEM, with the chain. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
}

export interface RequestDeps {
  readonly api: ApiClient;
  readonly clock: Clock;
  /** Tells the user what is waited for. */
  readonly say: (text: string) => void;
}

/**
 * With key encipherment although the keys are elliptic: servers up to 1.26 take no other set of usages for these signers,
 * and later ones still take it (`pkg/apis/certificates/helpers.go`).
 */
const usages = {
  'kubernetes.io/kube-apiserver-client-kubelet': ['digital signature', 'key encipherment', 'client auth'],
  'kubernetes.io/kubelet-serving': ['digital signature', 'key encipherment', 'server auth'],
} as const;

const pollMs = 1_000;
/** An automatic approval takes less than this. */
const quietMs = 5_000;

/**
 * Has the cluster issue a certificate for a new key, and waits until it does.
 *
 * @throws JoinError when the request is denied, fails, is removed, or is not approved in time
 */
export async function obtainCertificate(
  wish: CertificateWish,
  deps: RequestDeps,
  signal: AbortSignal,
): Promise<IssuedCertificate> {
  const { privateKey, request } = requestCertificate(wish.subject);
  const name = requestName(privateKey);
  const resource = await requestResource(deps.api, signal);
  await create(wish, { name, request, resource }, deps, signal);
  const certificate = await waitFor(wish, { name, resource }, deps, signal);
  return { certificate, privateKey };
}

/** The kubelet's form of the name: a hash of what is asked for. */
function requestName(privateKey: string): string {
  const der = createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'der' });
  return `node-csr-${createHash('sha256').update(der).digest('base64url')}`;
}

/** Servers before 1.19 have the beta only. */
async function requestResource(api: ApiClient, signal: AbortSignal): Promise<Resource> {
  const current = resources.certificateSigningRequests;
  const isServed = await api.serves(`${current.group}/${current.version}`, current.plural, signal);
  return isServed ? current : { ...current, version: 'v1beta1' };
}

interface Submitted {
  readonly name: string;
  readonly resource: Resource;
}

async function create(
  { signerName }: CertificateWish,
  { name, resource, request }: Submitted & { readonly request: string },
  { api }: RequestDeps,
  signal: AbortSignal,
): Promise<void> {
  const body = {
    apiVersion: `${resource.group}/${resource.version}`,
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { request: Buffer.from(request).toString('base64'), signerName, usages: usages[signerName] },
  };
  try {
    await api.create(resource, {}, body, signal);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error; // The first try got there, and its answer was lost.
  }
}

async function waitFor(
  { timeoutMs }: CertificateWish,
  { name, resource }: Submitted,
  deps: RequestDeps,
  signal: AbortSignal,
): Promise<string> {
  const { clock, say } = deps;
  const startedAt = clock.now();
  let told = '';
  for (;;) {
    const found = await look({ name, resource }, deps, signal);
    const state = found === undefined ? undefined : requestState(found);
    if (state?.state === 'issued') return state.certificate;
    if (state?.state === 'refused') throw refused(name, state.condition, state.reason);
    const waitedMs = clock.now() - startedAt;
    const reason = waitingFor(name, state?.state);
    if (waitedMs >= timeoutMs) throw new JoinError(`gave up after ${Math.round(waitedMs / 1000)} s ${reason}`);
    if (waitedMs >= quietMs && reason !== told) say((told = reason));
    await clock.sleep(pollMs, signal);
  }
}

/** Undefined: the server cannot be reached. */
async function look(
  { name, resource }: Submitted,
  { api }: RequestDeps,
  signal: AbortSignal,
): Promise<ApiObject | undefined> {
  try {
    return await api.get(resource, { name }, signal);
  } catch (error) {
    if (isNotFound(error)) throw new JoinError(`the certificate request ${name} was removed by somebody`);
    if (error instanceof ApiUnavailableError) return undefined;
    throw error;
  }
}

function waitingFor(name: string, state: 'pending' | 'approved' | undefined): string {
  switch (state) {
    case 'pending':
      return `waiting for CSR ${name} to be approved: kubectl certificate approve ${name}`;
    case 'approved':
      return `waiting for the certificate of the approved CSR ${name}: kube-controller-manager issues it`;
    case undefined:
      return 'waiting for the API server, which cannot be reached any more';
  }
}

function refused(name: string, condition: 'Denied' | 'Failed', reason: string): JoinError {
  return condition === 'Denied'
    ? new JoinError(`the certificate request ${name} was denied: ${reason}`, 'ask the administrator of the cluster')
    : new JoinError(`the certificate request ${name} failed: ${reason}`, 'look at the log of kube-controller-manager');
}
