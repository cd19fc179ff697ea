/** An image reference in full, e.g. of `busybox`: `docker.io/library/busybox:latest`. */
export interface ImageReference {
  /** Registry, with its port where given: `docker.io`, `registry.test:5000`. */
  readonly domain: string;
  /** Repository in the registry: `library/busybox`. */
  readonly path: string;
  /** `latest` when neither tag nor digest is given. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** The text is not an image reference. `message` is what Docker and the kubelet say about it. */
export class InvalidImageReference extends Error {
  override readonly name = 'InvalidImageReference';
}

/** Length of `domain/path` that registries accept. */
const MAX_NAME_LENGTH = 255;

const DIGEST_HEX_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

// The grammar of github.com/distribution/reference.
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const host = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])`;
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[a-fA-F0-9]{32,}';

const domainPattern = new RegExp(`^${host}(?::[0-9]+)?$`);
const remotePattern = new RegExp(
  `^(?<path>${component}(?:/${component})*)(?::(?<tag>${tag}))?(?:@(?<digest>${digest}))?$`,
);
const bareHexPattern = /^[a-f0-9]{64}$/;

/**
 * Reads an image name as `docker pull` does: `docker.io` is the default registry, `library/` its default namespace,
 * `latest` the default tag.
 *
 * @throws {@link InvalidImageReference}
 */
export function parseImageReference(image: string): ImageReference {
  if (bareHexPattern.test(image)) {
    throw new InvalidImageReference(`invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, remote } = splitDomain(image);
  const match = remotePattern.exec(remote);
  if (match?.groups === undefined || !domainPattern.test(domain)) throw mismatch(remote);
  const { path = '', tag, digest } = match.groups;
  if (domain.length + 1 + path.length > MAX_NAME_LENGTH) {
    throw invalid(`repository name must not be more than ${MAX_NAME_LENGTH} characters`);
  }
  checkDigest(digest);
  return { domain, path, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** The full text of a reference. Parsing it gives the same reference again. */
export function formatImageReference({ domain, path, tag, digest }: ImageReference): string {
  return `${domain}/${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/**
 * The image name as it goes to the runtime: as it was written, with `:latest` when it has neither tag nor digest. It is
 * not made longer, because what a short name means is the runtime's to say (`image_manager.go`, applyDefaultImageTag).
 *
 * @throws {@link InvalidImageReference}
 */
export function applyDefaultTag(image: string): string {
  const { tag, digest } = parseImageReference(image);
  return digest === undefined && !image.endsWith(`:${tag ?? ''}`) ? `${image}:${tag ?? ''}` : image;
}

/**
 * The first part of a name is a registry only when it cannot be a namespace of Docker Hub: it has a dot, a port or an
 * upper-case letter, or it is `localhost`.
 */
function splitDomain(image: string): { domain: string; remote: string } {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const domain = !isDomain || first === 'index.docker.io' ? 'docker.io' : first;
  const remote = isDomain ? image.slice(slash + 1) : image;
  const official = domain === 'docker.io' && !remote.includes('/');
  return { domain, remote: official ? `library/${remote}` : remote };
}

function mismatch(remote: string): InvalidImageReference {
  const path = remote.replace(/[:@].*$/s, '');
  return invalid(path === path.toLowerCase() ? '' : `repository name (${path}) must be lowercase`);
}

function checkDigest(digest: string | undefined): void {
  if (digest === undefined) return;
  const [algorithm = '', hex = ''] = digest.split(':');
  const length = DIGEST_HEX_LENGTHS[algorithm];
  if (length === undefined) throw invalid('unsupported digest algorithm');
  if (hex.length !== length || hex !== hex.toLowerCase()) throw invalid('invalid checksum digest length');
}

function invalid(detail: string): InvalidImageReference {
  return new InvalidImageReference(`invalid reference format${detail === '' ? '' : `: ${detail}`}`);
}
