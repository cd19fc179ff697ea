import { type NodeFile, nodeFiles } from '../bootstrap/node-files.ts';
import { nodeSubject, nodeUser } from '../bootstrap/node-identity.ts';
import { kubeletConfiguration, kubeProxyConfiguration } from './objects/configuration-render.ts';
import { renderYaml } from './manifests/pod-render.ts';
import { issuePair, type KnownAuthority, type PkiDeps, signing } from './pki/make.ts';
import { findFault, parseCertificate } from './pki/verdict.ts';
import { type InitSettings, localEndpoint } from './settings.ts';

/**
 * What makes this host a node of its own cluster, as after `podwright join`; the authority signs its certificate at once. The
 * node speaks to the API server beside it.
 *
 * @throws JoinError when the authority's key is elsewhere
 */
export async function makeNodeFiles(
  settings: InitSettings,
  authority: KnownAuthority,
  deps: PkiDeps,
): Promise<readonly NodeFile[]> {
  const { nodeName, paths, keyAlgorithm, lifetimes } = settings;
  const plan = {
    settings,
    cluster: { server: `https://${localEndpoint(settings)}`, certificateAuthority: authority.certificate },
    kubeletConfig: renderYaml(kubeletConfiguration(settings)),
    kubeProxyConfig: renderYaml(kubeProxyConfiguration(settings)),
    now: new Date(deps.now),
  };
  const written = (file: NodeFile): boolean => ![paths.certificateAuthority, paths.record].includes(file.path);
  if (await hasGoodCertificate(settings, authority, deps)) {
    const own = new Set([paths.kubeletConfig, paths.kubeletFlags, paths.kubeProxyConfig]);
    return nodeFiles({ ...plan, issued: undefined }).filter(({ path }) => own.has(path));
  }
  const subject = nodeSubject(nodeUser(nodeName));
  const options = { keyAlgorithm, now: deps.now, certificateMs: lifetimes.certificateMs };
  const content = { subject, hosts: [], usages: ['clientAuth'] } as const;
  const { certificate, key } = await issuePair(content, signing('ca', authority), options);
  return nodeFiles({ ...plan, issued: { certificate, privateKey: key } }).filter(written);
}

/** Whether the node has a kubeconfig, and a certificate of this cluster under its own name. */
async function hasGoodCertificate(
  { paths, nodeName }: InitSettings,
  { certificate }: KnownAuthority,
  { read, now }: PkiDeps,
): Promise<boolean> {
  const pair = await read(paths.currentCertificate);
  if (pair === undefined || (await read(paths.kubeconfig)) === undefined) return false;
  const fault = findFault({ certificate: pair, key: keyIn(pair) }, { authority: certificate, hosts: [], now });
  return fault === undefined && parseCertificate(pair)?.subject.includes(`CN=${nodeUser(nodeName)}`) === true;
}

const keyIn = (pair: string): string => /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*/.exec(pair)?.[0] ?? '';
