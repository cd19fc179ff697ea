/*
 * What systemd is told of podwright:
 *
 *   podwright.service                         how the daemon is run, on a node that stands alone
 *   podwright.service.d/10-kubeadm.conf       a node of a cluster: the files that kubeadm and `podwright join` write, by the
 *                                             variables of the kubelet's own drop-in (kubernetes/release, 10-kubeadm.conf)
 *   /etc/default/podwright                    the user's flags
 *   podwright-cri.socket, podwright-cri.service   the CRI endpoint, where it is asked for
 */

/** What the files are made of. */
export interface UnitSettings {
  /** Absolute paths: of Node.js, and of podwright's entry point. */
  readonly node: string;
  readonly program: string;
}

/** Files of a node of a cluster; absolute paths. */
export interface ClusterFiles {
  readonly kubeconfig: string;
  readonly kubeletConfig: string;
  readonly kubeletFlags: string;
  /** Further flags of the daemon. */
  readonly args?: readonly string[];
}

/** First words of each file that podwright makes, and by which it knows them again. */
export const marker = '# Made by podwright install';

/** Flags of the daemon, in this order; each is one of these variables, split at blanks. */
const variables = [
  'KUBELET_KUBECONFIG_ARGS',
  'KUBELET_CONFIG_ARGS',
  'KUBELET_KUBEADM_ARGS',
  'KUBELET_EXTRA_ARGS',
  'PODWRIGHT_ARGS',
] as const;

/** Twice a minute; the kubelet's unit has none before 1.35. */
const watchdogSeconds = 60;

/**
 * The unit. Docker is wanted, not required: systemd would otherwise stop the daemon with each restart of Docker. Only the main
 * process is ended with the service: helpers of mounts run on for pods, which are Docker's children anyhow. A start has no
 * deadline, as the daemon is ready only when Docker is.
 */
export function renderUnit({ node, program }: UnitSettings): string {
  return `${marker}; podwright uninstall removes it. Changes: systemctl edit podwright
[Unit]
Description=podwright, a Kubernetes node for Docker hosts
Wants=network-online.target docker.service
After=network-online.target docker.service dbus.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
WatchdogSec=${watchdogSeconds}
TimeoutStartSec=infinity
TimeoutStopSec=30
Restart=always
RestartSec=2
KillMode=process
OOMScoreAdjust=-999
TasksMax=infinity
Environment=${variables.map((name) => `${name}=`).join(' ')}
EnvironmentFile=-${escapeSpecifiers(defaultsPath)}
ExecStart=${quote(node)} ${quoteArgument(program)} run ${variables.map((name) => `$${name}`).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID

[Install]
WantedBy=multi-user.target
`;
}

/** The drop-in of a node of a cluster. */
export function renderClusterDropIn({ kubeconfig, kubeletConfig, kubeletFlags, args = [] }: ClusterFiles): string {
  const assign = (name: (typeof variables)[number], value: string): string =>
    `Environment=${quote(`${name}=${value}`)}`;
  return `${marker}; podwright uninstall removes it
[Service]
${assign('KUBELET_KUBECONFIG_ARGS', [`--kubeconfig=${kubeconfig}`, ...args].join(' '))}
${assign('KUBELET_CONFIG_ARGS', `--config=${kubeletConfig}`)}
EnvironmentFile=-${escapeSpecifiers(kubeletFlags)}
EnvironmentFile=-/etc/default/kubelet
`;
}

/** The socket of CRI; systemd starts {@link renderCriService} for who connects. */
export function renderCriSocket(): string {
  return `${marker} --cri; podwright uninstall removes it
[Unit]
Description=CRI endpoint of podwright, for kubeadm and crictl

[Socket]
ListenStream=${criSocket}
SocketMode=0600

[Install]
WantedBy=sockets.target
`;
}

/** It ends when nobody has used it for a while. Where things are it learns as the daemon does, by the flags of users. */
export function renderCriService({ node, program }: UnitSettings): string {
  return `${marker} --cri; podwright uninstall removes it
[Unit]
Description=CRI endpoint of podwright
Requires=${criSocketUnit}
After=${criSocketUnit} docker.service

[Service]
Environment=KUBELET_EXTRA_ARGS= PODWRIGHT_ARGS=
EnvironmentFile=-/etc/default/kubelet
EnvironmentFile=-${escapeSpecifiers(defaultsPath)}
ExecStart=${quote(node)} ${quoteArgument(program)} cri $KUBELET_EXTRA_ARGS $PODWRIGHT_ARGS
`;
}

/** For the user to edit. */
export function renderDefaults(): string {
  return `${marker}, which leaves it alone from then on
# Flags of the daemon, as podwright run --help tells them: PODWRIGHT_ARGS="--config=/etc/podwright.yaml -v=4"
PODWRIGHT_ARGS=
`;
}

export const unitName = 'podwright.service';
export const unitPath = `/etc/systemd/system/${unitName}`;
export const dropInPath = `/etc/systemd/system/${unitName}.d/10-kubeadm.conf`;
export const defaultsPath = '/etc/default/podwright';

/** Where cri-dockerd listens, and kubeadm looks. */
export const criSocket = '/run/cri-dockerd.sock';
export const criSocketUnit = 'podwright-cri.socket';
export const criServiceUnit = 'podwright-cri.service';
export const criSocketPath = `/etc/systemd/system/${criSocketUnit}`;
export const criServicePath = `/etc/systemd/system/${criServiceUnit}`;

const escapeSpecifiers = (text: string): string => text.replaceAll('%', '%%');

/** systemd.syntax(7): quotes and backslashes, and systemd.unit(5): specifiers. */
function quote(text: string): string {
  const plain = escapeSpecifiers(text);
  return /^[\w./:=@%+-]+$/.test(plain) ? plain : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** An argument of a command, in which variables would be put in. */
const quoteArgument = (text: string): string => quote(text).replaceAll('$', '$$$$');
