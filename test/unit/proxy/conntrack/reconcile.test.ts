import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createFlowReconciler } from '../../../../proxy/conntrack/index.ts';
import type { ProxyPlan, ServicePortPlan } from '../../../../proxy/types.ts';
import { ABSENT, createLines, createRecordingExec } from '../proxy-helpers.ts';
import { endpoint, SETTINGS, WEB } from '../services/helpers.ts';

const signal = new AbortController().signal;
const DNS: ServicePortPlan = { ...WEB, protocol: 'UDP', port: 53, allEndpoints: [endpoint('198.51.100.1')] };
const planOf = (...services: readonly ServicePortPlan[]): ProxyPlan => ({ settings: SETTINGS[4], services });

const line = (client: number, to: string): string =>
  `udp 17 29 src=192.0.2.9${client} dst=192.0.2.10 sport=4${client} dport=53 src=${to} dst=192.0.2.9${client} sport=8080 dport=4${client} use=1\n`;
const STALE = line(1, '198.51.100.2') + line(2, '198.51.100.2') + line(3, '198.51.100.3') + line(4, '198.51.100.1');

const DELETE = 'conntrack -D -p udp --orig-dst 192.0.2.10 --orig-port-dst 53';
const LIST = 'conntrack -L -f ipv4 -p udp';

test('lists once and deletes all in one process', async () => {
  let commands = '';
  const { exec, ran } = createRecordingExec((command) => {
    const [, path] = /-R (.*)/.exec(command) ?? [];
    if (path !== undefined) commands = readFileSync(path, 'utf8');
    return STALE;
  });
  const flows = createFlowReconciler({ exec, family: 4, log: createLines() });
  expect(await flows.reconcile(planOf(DNS), signal)).toBe(3);
  const args = '-D -p udp --orig-dst 192.0.2.10 --orig-port-dst 53 --reply-src';
  expect(commands).toBe(`${args} 198.51.100.2 --reply-port-src 8080\n${args} 198.51.100.3 --reply-port-src 8080\n`);
  expect(ran).toEqual([LIST, expect.stringMatching(/^conntrack -R /)]);
  expect(await flows.reconcile(planOf(DNS, WEB), signal)).toBeUndefined();
  expect(ran).toHaveLength(2);
});

test('an older conntrack deletes one by one, also what has ended meanwhile', async () => {
  const { exec, ran } = createRecordingExec((command) => {
    if (command === LIST) return STALE;
    if (command.includes('-R')) return { code: 2, stderr: "conntrack: unrecognized option '-R'" };
    return { code: 1, stderr: 'conntrack v1.4.4 (conntrack-tools): 0 flow entries have been deleted.' };
  });
  const log = createLines();
  expect(await createFlowReconciler({ exec, family: 4, log }).reconcile(planOf(DNS), signal)).toBe(3);
  expect(ran.slice(2)).toEqual([
    `${DELETE} --reply-src 198.51.100.2 --reply-port-src 8080`,
    `${DELETE} --reply-src 198.51.100.3 --reply-port-src 8080`,
  ]);
  expect(log.lines).toEqual([]);
});

test('what failed is told and looked for again', async () => {
  let isBroken = true;
  const { exec, ran } = createRecordingExec(() => (isBroken ? { code: 1, stderr: 'no memory' } : ''));
  const log = createLines();
  const flows = createFlowReconciler({ exec, family: 4, log });
  const plan = planOf(DNS);
  expect(await flows.reconcile(plan, signal)).toBeUndefined();
  expect(log.lines).toHaveLength(1);
  isBroken = false;
  expect(await flows.reconcile(plan, signal)).toBe(0);
  expect(ran).toEqual([LIST, LIST]);
});

test('a host without conntrack is told once', async () => {
  const { exec } = createRecordingExec(() => ABSENT);
  const log = createLines();
  const flows = createFlowReconciler({ exec, family: 4, log });
  for (let count = 0; count < 2; count += 1) await flows.reconcile(planOf(DNS), signal);
  expect(log.lines).toEqual([
    'warn UDP clients that go on sending may stay with an endpoint that is gone: apt-get install conntrack',
  ]);
});
