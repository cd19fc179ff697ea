import { JoinError } from '../../bootstrap/error.ts';
import { readIfThere, writeFileAtomic } from '../../../cni/index.ts';
import { parseKubeconfig } from '../../api/kubeconfig-parse.ts';
import { renderKubeconfig } from '../../api/kubeconfig-render.ts';
import type { Authority } from '../../x509.ts';
import { publicMode, secretMode } from '../files.ts';
import { algorithmOf } from '../pki/keys.ts';
import { issuePair } from '../pki/make.ts';
import { describeCertificate } from './content-plan.ts';
import { type CertificatePlace, certificatePlaces, type PkiPlaces, readAuthority, readCertificate } from './places.ts';

export interface RenewDeps {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly say: (line: string) => void;
}

const yearMs = 365 * 86_400_000;

/**
 * Signs certificates anew, for what they are for now, with new keys (`cmd/kubeadm/app/phases/certs/renewal`).
 *
 * @param names kubeadm's names; `all` for each that there is
 * @returns what has to be restarted, in the order of names
 * @throws JoinError
 */
export async function renewCertificates(
  names: readonly string[],
  places: PkiPlaces,
  { now, say }: RenewDeps,
): Promise<readonly string[]> {
  const known = certificatePlaces(places);
  const isAll = names.includes('all');
  const unknown = names.find((name) => name !== 'all' && !known.some((place) => place.name === name));
  if (unknown !== undefined) {
    throw new JoinError(
      `there is no certificate ${unknown}`,
      `one of: all, ${known.map(({ name }) => name).join(', ')}`,
    );
  }
  const users = new Set<string>();
  for (const place of known.filter(({ name }) => isAll || names.includes(name))) {
    const wasThere = await renew(place, places, now);
    if (!wasThere && !isAll) throw new JoinError(`${place.path} has no certificate that could be renewed`);
    say(wasThere ? `certificate ${place.name} renewed` : `MISSING! certificate ${place.name} is not there`);
    if (wasThere && place.users !== '') users.add(place.users);
  }
  return [...users].sort();
}

/** @returns whether there was a certificate */
async function renew(place: CertificatePlace, places: PkiPlaces, now: number): Promise<boolean> {
  const { certificate, key } = await readCertificate(place);
  if (certificate === undefined) return false;
  const { certificate: ca, key: caKey } = await readAuthority(place.authority, places);
  if (ca === undefined || caKey === undefined) {
    throw new JoinError(
      `${place.name} cannot be renewed: the key of the certificate authority ${place.authority} is not here`,
      'have whoever keeps that key sign a new certificate',
    );
  }
  const keyAlgorithm = key === undefined ? 'RSA-2048' : algorithmOf(key);
  const authority = { certificate: ca, key: caKey };
  const pair = await issuePair(describeCertificate(certificate), authority, {
    keyAlgorithm,
    now,
    certificateMs: yearMs,
  });
  await write(place, ca, pair);
  return true;
}

async function write({ path, keyPath }: CertificatePlace, ca: string, pair: Authority): Promise<void> {
  if (keyPath !== undefined) {
    await writeFileAtomic(keyPath, pair.key, { mode: secretMode });
    await writeFileAtomic(path, pair.certificate, { mode: publicMode });
    return;
  }
  const { cluster } = parseKubeconfig(path, (await readIfThere(path)) ?? '');
  const content = renderKubeconfig({
    server: cluster.server,
    ca: { pem: ca },
    clusterName: cluster.name,
    userName: describeCertificate(pair.certificate).subject.commonName,
    user: { certificatePem: pair.certificate, keyPem: pair.key },
  });
  await writeFileAtomic(path, content, { mode: secretMode });
}
