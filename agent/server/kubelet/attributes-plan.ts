/** What a request does to the node, as a SubjectAccessReview asks for it. */
export interface NodeAttributes {
  /** Empty for methods that the Kubernetes API has no word for. */
  readonly verb: string;
  /** Any one of them is enough; the finer one first. */
  readonly subresources: readonly string[];
}

const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

const coarse: readonly (readonly [path: string, subresource: string])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/checkpoint', 'checkpoint'],
];

/** May be given without all of `proxy`, which is as much as root on the node (KEP-2862). */
const fine: readonly (readonly [path: string, subresource: string])[] = [
  ['/pods', 'pods'],
  ['/runningpods', 'pods'],
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
];

/** The kubelet's `GetRequestAttributes` (`pkg/kubelet/server/auth.go`), with `KubeletFineGrainedAuthz`. */
export function nodeAttributes(method: string, path: string): NodeAttributes {
  const find = (table: typeof coarse): string | undefined => table.find(([root]) => isBelow(path, root))?.[1];
  const narrower = find(fine);
  const own = find(coarse) ?? 'proxy';
  return { verb: verbs[method] ?? '', subresources: narrower === undefined ? [own] : [narrower, own] };
}

const isBelow = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);
