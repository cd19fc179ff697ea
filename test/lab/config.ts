import { stringify } from 'yaml';
import type { HostNames } from './names.ts';

/** Where the things of a test host are; everything lies under its own directory. */
export interface HostPaths {
  readonly manifestDir: string;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly containerLogsDir: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  readonly cniCacheDir: string;
  readonly cniDataDir: string;
  readonly dockerSocket: string;
  readonly podwrightSocket: string;
  readonly configFile: string;
}

export function hostPaths(dir: string): HostPaths {
  return {
    manifestDir: `${dir}/manifests`,
    rootDir: `${dir}/kubelet`,
    podLogsDir: `${dir}/pod-logs`,
    containerLogsDir: `${dir}/container-logs`,
    cniConfDir: `${dir}/cni/net.d`,
    cniBinDir: `${dir}/cni/bin`,
    cniCacheDir: `${dir}/cni/cache`,
    cniDataDir: `${dir}/cni/data`,
    dockerSocket: `${dir}/docker.sock`,
    podwrightSocket: `${dir}/run/podwright.sock`,
    configFile: `${dir}/config.yaml`,
  };
}

/** Fields that a test sets or replaces in the documents of the configuration. */
export interface ConfigOverrides {
  readonly kubelet?: Readonly<Record<string, unknown>>;
  readonly podwright?: Readonly<Record<string, unknown>>;
  /** Without it there is no such document. */
  readonly kubeProxy?: Readonly<Record<string, unknown>>;
}

/** The daemon's configuration file on a test host. */
export function renderConfig(names: HostNames, paths: HostPaths, podCidr: string, overrides: ConfigOverrides): string {
  const kubelet = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    podCIDR: podCidr,
    podLogsDir: paths.podLogsDir,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: names.cgroup,
    ...overrides.kubelet,
  };
  const podwright = {
    apiVersion: 'podwright.dev/v1alpha1',
    kind: 'PodwrightConfiguration',
    dockerHost: `unix://${paths.dockerSocket}`,
    socketPath: paths.podwrightSocket,
    containerLogsDir: paths.containerLogsDir,
    cni: {
      confDir: paths.cniConfDir,
      binDirs: [paths.cniBinDir],
      cacheDir: paths.cniCacheDir,
      dataDir: paths.cniDataDir,
    },
    ...overrides.podwright,
  };
  const kubeProxy = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    ...overrides.kubeProxy,
  };
  const documents = [kubelet, podwright, ...(overrides.kubeProxy === undefined ? [] : [kubeProxy])];
  return documents.map((document) => stringify(document)).join('---\n');
}
