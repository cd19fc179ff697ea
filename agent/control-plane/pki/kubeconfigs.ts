import { parseKubeconfig } from '../../api/kubeconfig-parse.ts';
import { renderKubeconfig } from '../../api/kubeconfig-render.ts';
import { type NewFile, secretMode } from '../files.ts';
import type { InitSettings } from '../settings.ts';
import type { Authority } from '../../x509.ts';
import { type KubeconfigPlan, kubeconfigPlans } from './kubeconfigs-plan.ts';
import { issuePair, type KnownAuthority, type PkiDeps, signing } from './make.ts';
import { findFault, type Pair } from './verdict.ts';

type KubeconfigSettings = Parameters<typeof kubeconfigPlans>[0] & Pick<InitSettings, 'keyAlgorithm' | 'lifetimes'>;

/** The kubeconfigs that are missing, or that cannot serve as they are. Nothing is written. @throws JoinError */
export async function makeKubeconfigs(
  settings: KubeconfigSettings,
  authority: KnownAuthority,
  deps: PkiDeps,
): Promise<readonly NewFile[]> {
  const files = await Promise.all(kubeconfigPlans(settings).map((plan) => findOrMake(plan, settings, authority, deps)));
  return files.flat();
}

async function findOrMake(
  plan: KubeconfigPlan,
  { keyAlgorithm, lifetimes }: KubeconfigSettings,
  authority: KnownAuthority,
  { read, now, say }: PkiDeps,
): Promise<readonly NewFile[]> {
  const text = await read(plan.path);
  const fault = text === undefined ? 'it is not there' : faultOf(plan, text, authority.certificate, now);
  if (fault === undefined) {
    say(`[kubeconfig] Using existing kubeconfig file: "${plan.path}"`);
    return [];
  }
  if (text !== undefined) say(`[kubeconfig] ${plan.path} is replaced: ${fault}`);
  say(`[kubeconfig] Writing "${plan.name}" kubeconfig file`);
  const options = { keyAlgorithm, now, certificateMs: lifetimes.certificateMs };
  const content = { subject: plan.subject, hosts: [], usages: ['clientAuth'] } as const;
  const pair = await issuePair(content, signing('ca', authority), options);
  return [kubeconfigFile(plan, authority.certificate, pair)];
}

export function kubeconfigFile(plan: KubeconfigPlan, ca: string, { certificate, key }: Authority): NewFile {
  const { path, server, userName } = plan;
  const user = { certificatePem: certificate, keyPem: key };
  return { path, content: renderKubeconfig({ server, ca: { pem: ca }, userName, user }), mode: secretMode };
}

function faultOf(plan: KubeconfigPlan, text: string, ca: string, now: number): string | undefined {
  const found = readPair(plan.path, text);
  if (found === undefined) return 'it has no certificate and key in it';
  if (found.server !== plan.server) return `it is for ${found.server}`;
  return findFault(found, { authority: ca, hosts: [], now });
}

/** The certificate and key that a kubeconfig holds; undefined when it holds none. */
export function readPair(path: string, text: string): (Pair & { readonly server: string }) | undefined {
  try {
    const { cluster, user } = parseKubeconfig(path, text);
    const [certificate, key] = [user.certificate?.source, user.key?.source];
    if (certificate === undefined || !('text' in certificate) || key === undefined || !('text' in key))
      return undefined;
    return { server: cluster.server, certificate: certificate.text, key: key.text };
  } catch {
    return undefined;
  }
}
