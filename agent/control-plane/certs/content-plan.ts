import { X509Certificate } from 'node:crypto';
import type { CertificatePlan } from '../pki/plan.ts';

const clientAuth = '1.3.6.1.5.5.7.3.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';

/** What Node.js leaves undefined where a certificate has no such extension. */
interface Described {
  readonly subject: string;
  readonly subjectAltName: string | undefined;
  readonly keyUsage: readonly string[] | undefined;
}

/** For whom and for what a certificate is, to make another like it. Other attributes of its subject are left out. */
export function describeCertificate(pem: string): Pick<CertificatePlan, 'subject' | 'hosts' | 'usages'> {
  const { subject, subjectAltName, keyUsage } = new X509Certificate(pem) as Described;
  const attributes = subject.split('\n').map((line) => /^([A-Z]+)=(.*)$/.exec(line) ?? []);
  const named = (name: string): readonly string[] =>
    attributes.flatMap(([, key, value = '']) => (key === name ? [value] : []));
  const organizations = named('O');
  const purposes = keyUsage ?? [];
  return {
    subject: { commonName: named('CN')[0] ?? '', ...(organizations.length === 0 ? {} : { organizations }) },
    hosts: (subjectAltName ?? '').split(', ').flatMap((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? []),
    usages: [
      ...(purposes.includes(serverAuth) ? (['serverAuth'] as const) : []),
      ...(purposes.includes(clientAuth) ? (['clientAuth'] as const) : []),
    ],
  };
}
