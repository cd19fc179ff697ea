import type { ApiObject } from '../api/types.ts';

/** How far a CertificateSigningRequest is. */
export type RequestState =
  | { readonly state: 'pending' }
  /** Approved; the signer has not issued it yet. */
  | { readonly state: 'approved' }
  /** @property certificate PEM */
  | { readonly state: 'issued'; readonly certificate: string }
  | { readonly state: 'refused'; readonly condition: 'Denied' | 'Failed'; readonly reason: string };

interface Condition {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** State of a request: denied and failed count more than a certificate (`client-go/util/certificate/csr`). */
export function requestState(request: ApiObject): RequestState {
  const { conditions = [], certificate = '' } = (request['status'] ?? {}) as {
    readonly conditions?: readonly Condition[];
    readonly certificate?: string;
  };
  for (const condition of ['Denied', 'Failed'] as const) {
    const found = conditions.find(({ type }) => type === condition);
    if (found !== undefined) return { state: 'refused', condition, reason: describe(found) };
  }
  if (!conditions.some(({ type }) => type === 'Approved')) return { state: 'pending' };
  if (certificate === '') return { state: 'approved' };
  return { state: 'issued', certificate: Buffer.from(certificate, 'base64').toString('utf8') };
}

function describe({ reason = '', message = '' }: Condition): string {
  return [reason, message].filter((text) => text !== '').join(': ') || 'no reason is given';
}
