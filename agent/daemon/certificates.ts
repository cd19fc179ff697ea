import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type OwnedApiClient, parseKubeconfig } from '../api/index.ts';
import { type CertificateManager, createCertificateManager } from '../bootstrap/certificate-manager.ts';
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
  const { kubelet } = base.config;
  let clientEnd = (): number | undefined => undefined;
  const clientTask: Task = async (until) => {
    const file = await findClientCertificate(base, kubeconfig, until);
    if (file === undefined) return;
    // kubeadm's default, where the kubelet itself has none.
    if (basename(file) !== 'kubelet-client-current.pem' || kubelet.rotateCertificates === false) {
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

/** The file of certificate and key that a kubeconfig names; undefined where it has others. Waits for a kubeconfig. */
async function findClientCertificate(
  { log }: Foundation,
  kubeconfig: string,
  until: AbortSignal,
): Promise<string | undefined> {
  for (;;) {
    try {
      const { certificate, key } = parseKubeconfig(kubeconfig, await readFile(kubeconfig, 'utf8')).user;
      const [one, other] = [certificate, key].map((material) =>
        material !== undefined && 'file' in material.source ? material.source.file : undefined,
      );
      return one === other ? one : undefined;
    } catch (err) {
      log.debug({ err }, 'no kubeconfig to keep the certificate of');
      await systemClock.sleep(retryMs, until);
    }
  }
}

const own = ({ config, counters }: Foundation, loop: 'client-certificate' | 'server-certificate') => ({
  clock: systemClock,
  round: counters.loops.round(loop),
  commonName: `system:node:${config.nodeName}`,
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
