const goArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  loong64: 'loong64',
  ppc64: 'ppc64le',
};

/** An architecture as Go and Kubernetes name it. */
export function goArchitecture(arch: string): string {
  return goArchitectures[arch] ?? arch;
}

/**
 * Labels of this node: those that every node has (`initialNode`, pkg/kubelet/kubelet_node_status.go), and those of
 * `--node-labels` on top.
 *
 * @param arch as Node.js names it, `process.arch`
 */
export function nodeLabels(
  hostname: string,
  arch: string,
  configured: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const goArch = goArchitecture(arch);
  return {
    'kubernetes.io/hostname': hostname,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': goArch,
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': goArch,
    ...configured,
  };
}
