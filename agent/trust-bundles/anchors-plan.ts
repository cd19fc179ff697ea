import { pem } from '../der.ts';
import { isSelectedBy } from '../objects/label-requirement.ts';
import type { ProjectionSource } from '../objects/types.ts';

/** Roots that a signer, or nobody in particular, is trusted by (certificates.k8s.io, KEP-3257). */
export interface TrustBundle {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty without one. */
  readonly signerName: string;
  /** Certificates in PEM. */
  readonly trustBundle: string;
}

export type TrustBundleSource = NonNullable<ProjectionSource['clusterTrustBundle']>;

/**
 * The certificates that a source selects, each once, in PEM (`pkg/kubelet/clustertrustbundle`). The kubelet shuffles them at its
 * start, so that nobody relies on an order; here they are sorted, so that a file that says the same stays the same.
 *
 * @returns empty when nothing is selected and the source is optional
 * @throws Error when nothing is selected
 */
export function trustAnchors(bundles: readonly TrustBundle[], source: TrustBundleSource): string {
  const selected = bundles.filter((bundle) => isWanted(bundle, source));
  if (selected.length === 0 && source.optional !== true) throw new Error(nothingFound(source));
  const bodies = selected.flatMap(({ trustBundle }) => certificatesOf(trustBundle));
  return [...new Set(bodies)]
    .sort()
    .map((body) => pem('CERTIFICATE', Buffer.from(body, 'base64')))
    .join('');
}

/** A source that names a signer selects none of its bundles without a selector, and all of them by an empty one. */
function isWanted({ name, labels, signerName }: TrustBundle, source: TrustBundleSource): boolean {
  if (source.name !== undefined) return name === source.name;
  return (
    source.labelSelector !== undefined && signerName === source.signerName && isSelectedBy(source.labelSelector, labels)
  );
}

function nothingFound({ name }: TrustBundleSource): string {
  return name === undefined
    ? 'combination of signerName and labelSelector matched zero ClusterTrustBundles'
    : `clustertrustbundle.certificates.k8s.io ${JSON.stringify(name)} not found`;
}

/** Base64 of what is in the blocks, in one line each; text around them is none of it. */
function certificatesOf(text: string): readonly string[] {
  const blocks = text.matchAll(/-----BEGIN ([^-\r\n]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/g);
  return [...blocks].map(([, , body = '']) => Buffer.from(body, 'base64').toString('base64'));
}
