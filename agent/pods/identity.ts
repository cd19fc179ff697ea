import { readFile } from 'node:fs/promises';
import {
  type DnsProblem,
  identityMounts,
  podDns,
  podHostname,
  renderHostsFile,
  renderResolvConf,
  writeIdentityFiles,
} from '../environment/index.ts';
import type { EventRecorder } from '../events/types.ts';
import type { Container, Pod } from '../objects/types.ts';
import type { Mount } from '../runtime/types.ts';
import { podReference } from './references.ts';

export interface IdentityDeps {
  readonly events: EventRecorder;
  readonly podDir: (uid: string) => string;
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** Path of the node's resolv.conf; empty: pods have none of it. */
  readonly resolvConf: string;
  readonly hostIps: () => readonly string[];
}

/** The files that tell a pod's containers who they are and whom to ask for names. */
export interface PodIdentityFiles {
  /**
   * Has the files say what they should. They must be there before a container is created, and right before one starts.
   *
   * @param podIps addresses of the sandbox, empty on the host network; undefined while it has none yet
   */
  write(pod: Pod, podIps: readonly string[] | undefined): Promise<void>;
  mounts(pod: Pod, container: Container): readonly Mount[];
}

export function createPodIdentityFiles(deps: IdentityDeps): PodIdentityFiles {
  return {
    write: async (pod, podIps) => {
      const hosts = await hostsOf(deps, pod, podIps ?? []);
      const { resolvConf, problems } = await resolvConfOf(deps, pod);
      for (const { reason, message } of podIps === undefined ? [] : problems) {
        deps.events.event(podReference(pod), 'Warning', reason, message);
      }
      await writeIdentityFiles(deps.podDir(pod.metadata.uid), { hosts, resolvConf });
    },
    mounts: (pod, container) => identityMounts(container, deps.podDir(pod.metadata.uid)),
  };
}

async function hostsOf({ clusterDomain }: IdentityDeps, pod: Pod, podIps: readonly string[]): Promise<string> {
  const { hostname, domain } = podHostname(pod, clusterDomain);
  const nodeHosts = pod.spec.hostNetwork === true ? await readFile('/etc/hosts', 'utf8') : undefined;
  return renderHostsFile({ podIps, hostname, domain, hostAliases: pod.spec.hostAliases, nodeHosts });
}

async function resolvConfOf(
  deps: IdentityDeps,
  pod: Pod,
): Promise<{ readonly resolvConf: string; readonly problems: readonly DnsProblem[] }> {
  const { clusterDNS, clusterDomain } = deps;
  const resolvConfText = deps.resolvConf === '' ? undefined : await readFile(deps.resolvConf, 'utf8');
  const { config, problems } = podDns(pod, { clusterDNS, clusterDomain, resolvConfText, nodeIps: deps.hostIps() });
  return { resolvConf: renderResolvConf(config), problems };
}
