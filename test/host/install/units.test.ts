import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { renderClusterDropIn, renderUnit } from '../../../agent/install/unit-render.ts';

const directory = mkdtempSync(join(tmpdir(), 'pw-units-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const cluster = {
  kubeconfig: '/etc/kubernetes/kubelet.conf',
  kubeletConfig: '/var/lib/kubelet/config.yaml',
  kubeletFlags: '/var/lib/kubelet/kubeadm-flags.env',
};

/** What `systemd-analyze verify` says of the unit with the drop-in. */
function verify(unit: string, dropIn: string): { readonly status: number | null; readonly output: string } {
  const path = join(directory, 'podwright.service');
  mkdirSync(`${path}.d`, { recursive: true });
  writeFileSync(path, unit);
  writeFileSync(join(`${path}.d`, '10-kubeadm.conf'), dropIn);
  const args = ['verify', '--man=no', '--recursive-errors=no', path];
  const { status, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, output: stderr };
}

test.each(['/usr/bin/podwright', `/opt/50% "off" $HOME/pod\\wright.js`])('systemd takes the units of %s', (program) => {
  const settings = { node: process.execPath, program };
  expect(verify(renderUnit(settings), renderClusterDropIn(cluster))).toEqual({ status: 0, output: '' });
});

test('systemd would say what is wrong', () => {
  const unit = renderUnit({ node: '/nowhere/node', program: '/usr/bin/podwright' });
  const { status, output } = verify(`${unit}\n[Service]\nWatchdogSec=soon\n`, renderClusterDropIn(cluster));
  expect(output).toMatch(/Failed to parse sec value, ignoring: soon/);
  expect(output).toMatch(/\/nowhere\/node is not executable/);
  expect(status).not.toBe(0);
});
