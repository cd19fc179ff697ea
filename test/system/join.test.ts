import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { podObject } from '../cluster/objects.ts';
import { kubeadmPrograms } from '../lab/cluster-programs.ts';
import { guestProblem } from '../lab/guest.ts';
import { createCluster, until, type Cluster } from '../lab/index.ts';
import { bootDebian, type Debian } from './debian.ts';

const node = 'system-test';
const deadlineMs = 300_000;

let cluster: Cluster;
let debian: Debian;

beforeAll(async () => {
  if (guestProblem !== undefined) return;
  cluster = await createCluster({ nodeMonitorGracePeriodSeconds: 120 });
  debian = await bootDebian({ isOnline: true, programs: Object.values(await kubeadmPrograms()) });
});

afterAll(async () => {
  await debian?.remove();
  cluster?.remove();
});

async function kubectl(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await cluster.kubectl(args, { timeoutMs: deadlineMs });
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const joinArgs = (): string =>
  `join ${cluster.host}:${cluster.port} --token ${cluster.bootstrapToken} --discovery-token-ca-cert-hash ${cluster.caCertHash}`;

/** Fails with the log of the daemon that systemd runs as `service`. */
async function eventually(service: string, what: string, probe: () => Promise<boolean>): Promise<void> {
  await until(what, deadlineMs, probe, { intervalMs: 1_000 }).catch(async (error: unknown) => {
    const { stdout } = await debian.run(`systemctl --failed; journalctl -u ${service} --no-pager | tail -n 60`);
    throw new Error(`the log of ${service}:\n${stdout}`, { cause: error });
  });
}

async function untilReady(service: string): Promise<void> {
  const isReady = async (): Promise<boolean> => / Ready /.test(await kubectl('get', 'node', node, '--no-headers'));
  await eventually(service, 'the node to be ready', isReady);
}

/** A pod on the node, and what its own commands come to. */
async function runsPod(name: string): Promise<void> {
  const script = 'echo begin; while :; do sleep 1; done';
  const container = { name: 'main', image: 'podwright-test/busybox:1', command: ['sh', '-c', script] };
  await cluster.apply(podObject(name, { nodeName: node, containers: [container], terminationGracePeriodSeconds: 1 }));
  await kubectl('wait', '--for=condition=Ready', `pod/${name}`, `--timeout=${deadlineMs / 1_000}s`);
  expect(await kubectl('logs', name)).toBe('begin');
  expect(await kubectl('exec', name, '--', 'sh', '-c', 'echo from $HOSTNAME')).toBe(`from ${name}`);
}

const files = (directory: string): Promise<string> =>
  debian.check(`find ${directory} -type f 2>/dev/null | sort; true`);

describe.skipIf(guestProblem !== undefined)('podwright join on a Debian system', () => {
  test('makes the host a node of the cluster, which systemd runs', async () => {
    await debian.until(`podwright ${joinArgs()}`); // on a busy machine its checks may have no answer in time
    const said = await debian.check('cat /tmp/until');
    expect(said).toContain('This node has joined the cluster');
    expect(said).not.toContain('Start it:');
    await untilReady('podwright');
    expect(await debian.check('systemctl is-enabled podwright; systemctl is-active podwright')).toBe('enabled\nactive');
  });

  test('pods of the cluster run on it, and kubectl looks into them', async () => {
    await runsPod('joined');
  });

  test('may be repeated', async () => {
    const state = 'systemctl show podwright -P MainPID; find /etc/kubernetes -type f -exec sha256sum {} +';
    const before = await debian.check(state);
    expect(await debian.check(`podwright ${joinArgs()}`)).toContain('This node has joined the cluster');
    expect(await debian.check(state)).toBe(before);
  });

  test('is still the node after a reboot, with its pod', async () => {
    await debian.reboot();
    await debian.until('systemctl is-active podwright');
    const restarted = async (): Promise<boolean> =>
      /^[1-9]/.test(
        await kubectl('get', 'pod', 'joined', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}'),
      );
    await eventually('podwright', 'the pod to run again', restarted);
    await untilReady('podwright');
  });

  test('podwright reset takes all of it back', async () => {
    await debian.check('podwright reset --force --grace-period 1');
    expect(await files('/etc/kubernetes /var/lib/kubelet')).toBe('');
    expect(await debian.check('docker ps --all --quiet')).toBe('');
    expect(await debian.run('systemctl is-active podwright')).toMatchObject({ stdout: 'inactive\n' });
    expect(await debian.check('podwright uninstall')).toContain('Remove /etc/systemd/system/podwright.service');
    await kubectl('delete', 'pod', 'joined', '--force', '--grace-period=0');
    await kubectl('delete', 'node', node);
  });
});

/** What the packages of kubeadm and the kubelet bring (kubernetes/release, cmd/kubepkg/templates/latest/deb). */
const kubeletUnit = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
`;
const kubeadmDropIn = `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;

const criSocket = 'unix:///var/run/cri-dockerd.sock';

/** Once it runs it has an answer within the two seconds that kubeadm waits; to start takes longer under emulation. */
const wakeCri = (): Promise<unknown> => debian.until(`crictl -r ${criSocket} info`);

describe.skipIf(guestProblem !== undefined)('kubeadm with podwright in the place of the kubelet', () => {
  test('kubeadm join makes the host a node of the cluster', async () => {
    await debian.check(`mkdir -p /etc/systemd/system/kubelet.service.d
cat >/etc/systemd/system/kubelet.service <<'END'\n${kubeletUnit}END
cat >/etc/systemd/system/kubelet.service.d/10-kubeadm.conf <<'END'\n${kubeadmDropIn}END
ln -s "$(command -v podwright)" /usr/bin/kubelet
systemctl daemon-reload && systemctl enable --now kubelet
podwright install --cri`);
    await wakeCri();
    const said = await debian.check(
      `kubeadm ${joinArgs()} --cri-socket ${criSocket} --ignore-preflight-errors=SystemVerification`,
    );
    expect(said).toContain('This node has joined the cluster');
    await untilReady('kubelet');
  });

  test('pods of the cluster run on it, and kubectl looks into them', async () => {
    await runsPod('kubeadm');
  });

  test('kubeadm reset ends the pods, and the service', async () => {
    await wakeCri();
    const said = await debian.check(`kubeadm reset --force --cri-socket ${criSocket} 2>&1`);
    expect(await debian.check('docker ps --all --quiet'), said).toBe('');
    expect(await debian.run('systemctl is-active kubelet')).toMatchObject({ stdout: 'inactive\n' });
    expect(await files('/etc/kubernetes /var/lib/kubelet')).toBe('');
  });

  test('the CRI endpoint, which systemd has started for kubeadm, is uninstalled', async () => {
    const state = 'systemctl is-active podwright-cri.socket; systemctl is-enabled podwright-cri.socket; true';
    expect(await debian.check(state)).toBe('active\nenabled');
    expect(await debian.check('podwright uninstall')).toContain('Close the socket of CRI');
    expect(await debian.check('systemctl is-active podwright-cri.socket podwright-cri.service; true')).toBe(
      'inactive\ninactive',
    );
  });
});
