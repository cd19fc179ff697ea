import type { ImageReference } from './reference.ts';

/**
 * A pattern that images are matched with, `[scheme://]host[:port][/path]`: each part of the host may hold `*`, the path is
 * a prefix of the repository. Keys of Docker's config files and `matchImages` of credential providers have this form
 * (`pkg/credentialprovider/keyring.go`, URLsMatch).
 */
export interface ImagePattern {
  /** Without port; Docker Hub by any of its names is `docker.io`. */
  readonly host: string;
  /** Empty when none is given. It must be the image's own: there are no globs in ports. */
  readonly port: string;
  /** Without a slash at its ends; empty for all of the registry. */
  readonly path: string;
}

/** Names under which config files know Docker Hub. */
const dockerHubHosts: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

const patternForm = /^(?<host>\[[0-9a-f:.]+\]|[\w.*-]+)(?::(?<port>\d+))?(?:\/(?<path>[^?#\s]*))?$/i;

/** Undefined when the text has not the form of a pattern. */
export function parseImagePattern(text: string): ImagePattern | undefined {
  const { host, port = '', path = '' } = patternForm.exec(text.replace(/^https?:\/\//, ''))?.groups ?? {};
  if (host === undefined) return undefined;
  return {
    host: dockerHubHosts.has(host) ? 'docker.io' : host,
    port,
    // `v1` and `v2` are the registry protocol's, as in `https://index.docker.io/v1/`.
    path: path.replace(/^v[12](\/|$)/, '').replace(/\/+$/, ''),
  };
}

/** Whether the pattern fits. As in the kubelet, `team` is a prefix of the repository `teams/app` too. */
export function matchesImage(pattern: ImagePattern, image: Pick<ImageReference, 'domain' | 'path'>): boolean {
  const { host, port } = splitPort(image.domain);
  return pattern.port === port && hostMatches(pattern.host, host) && image.path.startsWith(pattern.path);
}

/** Orders patterns so that, of those with one host, the longest path comes first, and globs come after plain names. */
export function comparePatterns(a: ImagePattern, b: ImagePattern): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  if (left === right) return 0;
  return left < right ? 1 : -1;
}

function sortKey({ host, port, path }: ImagePattern): string {
  return `${host}${port && `:${port}`}${path && `/${path}`}`;
}

function splitPort(domain: string): { readonly host: string; readonly port: string } {
  const port = /:(\d+)$/.exec(domain)?.[1];
  return port === undefined ? { host: domain, port: '' } : { host: domain.slice(0, -port.length - 1), port };
}

function hostMatches(pattern: string, host: string): boolean {
  const globs = pattern.split('.');
  const parts = host.split('.');
  return globs.length === parts.length && globs.every((glob, index) => globMatches(glob, parts[index] ?? ''));
}

/** `*` stands for any text within one part of a host name. */
function globMatches(glob: string, text: string): boolean {
  const [head = '', ...pieces] = glob.split('*');
  const tail = pieces.pop();
  if (tail === undefined) return text === head;
  if (!text.startsWith(head) || !text.endsWith(tail) || text.length < head.length + tail.length) return false;
  const end = text.length - tail.length;
  let from = head.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, from);
    if (found < 0 || found + piece.length > end) return false;
    from = found + piece.length;
  }
  return true;
}
