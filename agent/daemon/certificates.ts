import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  embedsCertificate,
  kubeconfigReader,
  type KubeconfigUser,
  type OwnedApiClient,
  parseKubeconfig,
  type ReadConnection,
} from '../api/index.ts';
import { type CertificateManager, createCertificateManager } from '../bootstrap/certificate-manager.ts';
import { isCertificateOf, withKeptCertificate } from '../bootstrap/kept-certificate.ts';
import { nodeUser } from '../bootstrap/node-identity.ts';
import { certificateLife } from '../bootstrap/rotation-plan.ts';
import { systemClock } from '../clock.ts';
import { serverSettings } from '../server/kubelet/index.ts';
import { type Foundation, nodeIps } from './foundation.ts';
import type { Task } from './tasks.ts';

/** The certificates that a node has of its cluster. */
export interface NodeCertificates {
  readonly tasks: readonly Task[];
  /** End of the client certificate, milliseconds since the epoch; undefined without one. */
  clientCertificateEnd(): number | undefined;
}

/** Keeps them good without a restart: `rotateCertificates`, `serverTLSBootstrap`. */
export function createNodeCertificates(base: Foundation, client: OwnedApiClient, kubeconfig: string): NodeCertificates {
  let clientEnd = (): number | undefined => undefined;
  const clientTask: Task = async (until) => {
    const file = await findClientCertificate(base, kubeconfig, until);
    if (file === undefined) return;
    if (basename(file) !== 'kubelet-client-current.pem' || !rotates(base)) {
      const life = certificateLife(await readFile(file, 'utf8').catch(() => ''));
      clientEnd = () => life?.until;
      return;
    }
    const manager = clientManager(base, client, file);
    clientEnd = () => manager.endsAt();
    await manager.run(until);
  };
  const { serving } = serverSettings(base.config);
  const serverTask: Task = async (until) => {
    const manager = serverManager(base, client, serving.cert);
    const unsubscribe = base.addresses.subscribe(() => manager.wake());
    await manager.run(until).finally(unsubscribe);
  };
  return {
    tasks: [clientTask, ...(serving.origin === 'bootstrap' ? [serverTask] : [])],
    clientCertificateEnd: () => clientEnd(),
  };
}

const retryMs = 30_000;

/** The file of certificate and key that the node uses; undefined where it has others. Waits for a kubeconfig. */
async function findClientCertificate(
  base: Foundation,
  kubeconfig: string,
  until: AbortSignal,
): Promise<string | undefined> {
  for (;;) {
    try {
      const { user } = parseKubeconfig(kubeconfig, await readFile(kubeconfig, 'utf8'));
      if (!rotates(base) || !embedsCertificate(user)) return namedFile(user);
      const { certificate = '' } = await nodeConnection(base, kubeconfig)(false);
      return isCertificateOf(certificate, commonName(base)) ? currentCertificate(base) : undefined;
    } catch (err) {
      base.log.debug({ err }, 'no kubeconfig to keep the certificate of');
      await systemClock.sleep(retryMs, until);
    }
  }
}

function namedFile({ certificate, key }: KubeconfigUser): string | undefined {
  const [one, other] = [certificate, key].map((material) =>
    material !== undefined && 'file' in material.source ? material.source.file : undefined,
  );
  return one === other ? one : undefined;
}

/** How the node reaches the API server, with the certificate that it has renewed. */
export function nodeConnection(base: Foundation, kubeconfig: string): ReadConnection {
  const read = kubeconfigReader(kubeconfig);
  if (!rotates(base)) return read;
  const kept = { current: currentCertificate(base), commonName: commonName(base), now: Date.now };
  return async (refused) => withKeptCertificate(await read(refused), refused, kept);
}

/** kubeadm's default, where the kubelet itself has none. */
const rotates = ({ config }: Foundation): boolean => config.kubelet.rotateCertificates !== false;

const currentCertificate = ({ config }: Foundation): string =>
  join(config.rootDir, 'pki', 'kubelet-client-current.pem');

const commonName = ({ config }: Foundation): string => nodeUser(config.nodeName);

const own = (base: Foundation, loop: 'client-certificate' | 'server-certificate') => ({
  clock: systemClock,
  round: base.counters.loops.round(loop),
  commonName: commonName(base),
  random: Math.random,
});

function clientManager(base: Foundation, api: OwnedApiClient, current: string): CertificateManager {
  return createCertificateManager({
    ...{ ...own(base, 'client-certificate'), api, current, log: base.log, pair: 'kubelet-client', outlivesEnd: false },
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    names: () => ({ dnsNames: [], ipAddresses: [] }),
    onRotated: async () => api.reload(),
  });
}

/** The kubelet API reads the file by itself. */
function serverManager(base: Foundation, api: OwnedApiClient, current: string): CertificateManager {
  const { config, log } = base;
  return createCertificateManager({
    ...{ ...own(base, 'server-certificate'), api, current, log, pair: 'kubelet-server', outlivesEnd: true },
    signerName: 'kubernetes.io/kubelet-serving',
    names: () => {
      const ipAddresses = nodeIps(base);
      return ipAddresses.length === 0 ? undefined : { dnsNames: [config.nodeName], ipAddresses };
    },
    onRotated: async () => Promise.resolve(),
  });
}
