import type { Pod } from '../objects/types.ts';

/** The longest host name that DNS and Kubernetes allow. */
const maxHostnameLength = 63;
/** `struct utsname` holds this many characters and a NUL. */
const maxKernelNameLength = 64;

export interface PodHostname {
  /** Short name, which `/etc/hosts` lists. */
  readonly hostname: string;
  /**
   * The full name, when the kernel is to know the pod by it (`setHostnameAsFQDN`): the sandbox's hostname is
   * `fqdn ?? hostname`. A pod on the host network has the node's, whatever this says.
   */
  readonly fqdn: string | undefined;
  /** e.g. `db.default.svc.cluster.local`; undefined without `subdomain`. */
  readonly domain: string | undefined;
}

/**
 * The names of a pod (kubelet `GeneratePodHostNameAndDomain`, `GetNodenameForKernel`). `hostnameOverride` is the
 * whole name, without a domain (KEP-4762).
 *
 * @throws Error when `setHostnameAsFQDN` makes a name that the kernel cannot hold
 */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { hostnameOverride, hostname, subdomain, setHostnameAsFQDN } = pod.spec;
  if (hostnameOverride) return { hostname: truncate(pod, hostnameOverride), fqdn: undefined, domain: undefined };
  const short = truncate(pod, hostname || pod.metadata.name);
  const domain = subdomain ? `${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : undefined;
  const fqdn = setHostnameAsFQDN === true && domain !== undefined ? kernelName(`${short}.${domain}`) : undefined;
  return { hostname: short, fqdn, domain };
}

function truncate(pod: Pod, name: string): string {
  if (name.length <= maxHostnameLength) return name;
  const truncated = name.slice(0, maxHostnameLength).replace(/[-.]+$/, '');
  if (truncated !== '') return truncated;
  throw new Error(`hostname for pod ${JSON.stringify(pod.metadata.name)} was invalid: ${JSON.stringify(name)}`);
}

function kernelName(fqdn: string): string {
  if (fqdn.length <= maxKernelNameLength) return fqdn;
  throw new Error(
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long ` +
      `(${maxKernelNameLength} characters is the max, ${fqdn.length} characters requested)`,
  );
}
