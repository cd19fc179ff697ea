import { join } from 'node:path';
import { Command } from 'commander';
import type { PkiPlaces } from '../control-plane/certs/places.ts';
import { runWithSignals, sayLine } from './control-plane-run.ts';

interface CertsFlags {
  readonly certDir?: string;
  readonly kubernetesDir: string;
}

/** `podwright certs`: the certificates of a control plane, as with `kubeadm certs`. */
export function command(): Command {
  const certs = new Command('certs').description('certificates of the control plane on this host, as kubeadm certs');
  const place = (subcommand: Command): Command =>
    subcommand
      .option('--cert-dir <dir>', 'directory of certificates (default: /etc/kubernetes/pki)')
      .option('--kubernetes-dir <dir>', 'directory of kubeconfigs', '/etc/kubernetes');
  certs.addCommand(
    place(new Command('check-expiration').description('when each certificate ends')).action(
      async (flags: CertsFlags) => {
        process.exitCode = await runWithSignals('podwright certs check-expiration', () =>
          checkExpiration(places(flags)),
        );
      },
    ),
  );
  certs.addCommand(
    place(new Command('renew').description('sign certificates anew, for another year'))
      .argument('<name...>', 'all, or names as check-expiration prints them')
      .action(async (names: readonly string[], flags: CertsFlags) => {
        process.exitCode = await runWithSignals('podwright certs renew', () => renew(names, places(flags)));
      }),
  );
  return certs;
}

const places = ({ certDir, kubernetesDir }: CertsFlags): PkiPlaces => ({
  kubernetesDir,
  certificatesDir: certDir ?? join(kubernetesDir, 'pki'),
});

async function checkExpiration(pki: PkiPlaces): Promise<void> {
  const [{ certificatePlaces, readAuthority, readCertificate }, { renderExpiration }] = await Promise.all([
    import('../control-plane/certs/places.ts'),
    import('../control-plane/certs/expiration-render.ts'),
  ]);
  const [certificates, authorities] = await Promise.all([
    Promise.all(certificatePlaces(pki).map(readCertificate)),
    Promise.all((['ca', 'etcd-ca', 'front-proxy-ca'] as const).map((name) => readAuthority(name, pki))),
  ]);
  for (const line of renderExpiration(certificates, authorities, Date.now())) sayLine(line);
}

async function renew(names: readonly string[], pki: PkiPlaces): Promise<void> {
  const { renewCertificates } = await import('../control-plane/certs/renew.ts');
  const users = await renewCertificates(names, pki, { now: Date.now(), say: sayLine });
  if (users.length === 0) return;
  sayLine(`\nRestart ${users.join(', ')}, which go on with the old certificates until then:`);
  sayLine(
    'move the manifest out of the manifest directory, wait until `podwright status` has lost the pod, move it back.',
  );
}
