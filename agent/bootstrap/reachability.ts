import { messageOf } from '../../cni/index.ts';
import { DeadlineExceededError } from '../deadline.ts';
import { JoinError } from './error.ts';

interface Reason {
  readonly text: string;
  readonly advice: string;
}

const network: Readonly<Record<string, Reason>> = {
  ENOTFOUND: { text: 'its name is not known', advice: 'check the name, and the DNS servers in /etc/resolv.conf' },
  EAI_AGAIN: { text: 'no DNS server answered', advice: 'check the DNS servers in /etc/resolv.conf' },
  ECONNREFUSED: {
    text: 'nobody listens there',
    advice: 'check the port (6443 as a rule), and that kube-apiserver runs',
  },
  ETIMEDOUT: { text: 'no answer', advice: 'check the address, routes and firewalls on the way' },
  EHOSTUNREACH: { text: 'there is no way to this address', advice: 'check the address and the routes of this host' },
  ENETUNREACH: { text: 'there is no way to this network', advice: 'check the address and the routes of this host' },
  ECONNRESET: { text: 'the connection was broken off', advice: 'check that this is the HTTPS port of kube-apiserver' },
  EPROTO: { text: 'what answers does not speak TLS', advice: 'check that this is the HTTPS port of kube-apiserver' },
};

const clock = 'compare the clocks of both machines';
const stranger = 'somebody else may answer at this address: do not join before it is clear who';
const certificate: Readonly<Record<string, Reason>> = {
  CERT_NOT_YET_VALID: { text: "its certificate is not valid yet by this host's clock", advice: clock },
  CERT_HAS_EXPIRED: { text: 'its certificate has expired', advice: `${clock}; kubeadm certs renew apiserver` },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    text: 'its certificate is for other names and addresses',
    advice: 'join by an address that is in the certificate (kubeadm init --apiserver-cert-extra-sans)',
  },
};

/** What is wrong with a server whose certificate is not of the CA that was expected; OpenSSL has several words for it. */
const unknownIssuer: Reason = { text: "its certificate is not of the cluster's CA", advice: stranger };
const unknownIssuerCode = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_SIGNATURE_|CERT_UNTRUSTED|INVALID_CA)/;

/** Why a server could not be asked: by DNS, TCP or TLS, and what to do about it. */
export function unreachable(url: string, error: unknown): JoinError {
  const { host } = new URL(url);
  const { text, advice } = reasonOf(error);
  return new JoinError(`cannot speak to ${host}: ${text}`, advice, { cause: error });
}

/** Whether trying again is of no use: who answers is not who is meant. */
export function isStranger(error: unknown): boolean {
  const code = codeOf(error);
  return code in certificate || unknownIssuerCode.test(code);
}

function reasonOf(error: unknown): Reason {
  const code = codeOf(error);
  const known = network[code] ?? certificate[code] ?? (unknownIssuerCode.test(code) ? unknownIssuer : undefined);
  if (known !== undefined) return known;
  if (error instanceof DeadlineExceededError) return network['ETIMEDOUT'] ?? unknownIssuer;
  if (code.startsWith('ERR_SSL_')) return network['EPROTO'] ?? unknownIssuer;
  return { text: messageOf(error), advice: 'check the address and the port' };
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
