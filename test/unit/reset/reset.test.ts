import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { joinRecord } from '../../../agent/bootstrap/paths.ts';
import { joinedFiles, removeFiles, removeLogs } from '../../../agent/reset/state.ts';
import { type ResetStep, runSteps } from '../../../agent/reset/steps.ts';

const { signal } = new AbortController();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwright-reset-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function steps(ran: string[]): readonly ResetStep[] {
  const run = (name: string) => () => Promise.resolve(void ran.push(name));
  return [
    { what: 'remove rules', run: () => Promise.reject(new AggregateError([new Error('no nft'), new Error('no ip')])) },
    { what: 'remove logs', run: run('logs') },
    { what: 'remove state', needsAll: true, run: run('state') },
  ];
}

test('it goes on after a failure, tells all of them, and keeps the state that a next try needs', async () => {
  const ran: string[] = [];
  const said: string[] = [];
  const failures = await runSteps(steps(ran), { isDryRun: false, say: (line) => said.push(line) }, signal);
  expect({ failures, ran, said }).toEqual({
    failures: ['cannot remove rules: no nft; no ip'],
    ran: ['logs'],
    said: ['Remove rules', 'Remove logs', 'Skipped, as something failed before: remove state'],
  });
});

test('a dry run does nothing', async () => {
  const ran: string[] = [];
  const said: string[] = [];
  expect(await runSteps(steps(ran), { isDryRun: true, say: (line) => said.push(line) }, signal)).toEqual([]);
  expect([ran, said]).toEqual([[], ['Would remove rules', 'Would remove logs', 'Would remove state']]);
});

test('logs of known pods go with their links, others stay', async () => {
  const podLogsDir = join(dir, 'pods');
  const containerLogsDir = join(dir, 'containers');
  for (const name of ['default_web_uid-1', 'default_other_uid-2'])
    mkdirSync(join(podLogsDir, name), { recursive: true });
  mkdirSync(containerLogsDir);
  symlinkSync(join(podLogsDir, 'default_web_uid-1', 'web', '0.log'), join(containerLogsDir, 'web.log'));
  symlinkSync(join(podLogsDir, 'default_other_uid-2', 'web', '0.log'), join(containerLogsDir, 'other.log'));
  await removeLogs({ podLogsDir, containerLogsDir }, new Set(['uid-1']));
  expect([readdirSync(podLogsDir), readdirSync(containerLogsDir)]).toEqual([['default_other_uid-2'], ['other.log']]);
});

test('only what the record of a join names counts as joined', async () => {
  expect(await joinedFiles(dir)).toEqual([]);
  mkdirSync(join(dir, 'podwright'));
  writeFileSync(joinRecord(dir), JSON.stringify({ files: ['/etc/kubernetes/kubelet.conf', 'relative', 7] }));
  expect(await joinedFiles(dir)).toEqual(['/etc/kubernetes/kubelet.conf']);
  writeFileSync(joinRecord(dir), '{}');
  await expect(joinedFiles(dir)).rejects.toThrow('has no list "files"');
  expect(existsSync(joinRecord(dir))).toBe(true);
});

test('certificates that came after the join go with it, and their directory', async () => {
  const pki = join(dir, 'pki');
  const current = join(pki, 'kubelet-client-current.pem');
  mkdirSync(pki);
  mkdirSync(join(dir, 'podwright'));
  const later = ['kubelet-client-2026-01-01-00-00-00.pem', 'kubelet-server-current.pem', 'kubelet.crt', 'kubelet.key'];
  for (const name of later) writeFileSync(join(pki, name), '');
  symlinkSync(join(pki, 'kubelet-client-2026-01-01-00-00-00.pem'), current);
  writeFileSync(joinRecord(dir), JSON.stringify({ files: [current] }));
  const files = await joinedFiles(dir);
  expect([...files].sort()).toEqual([current, ...later.map((name) => join(pki, name))].sort());
  writeFileSync(join(pki, 'mine.pem'), '');
  await removeFiles(files);
  expect(readdirSync(pki)).toEqual(['mine.pem']);
  rmSync(join(pki, 'mine.pem'));
  await removeFiles(files);
  expect(existsSync(pki)).toBe(false);
});
