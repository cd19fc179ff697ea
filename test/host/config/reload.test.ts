import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoadedConfig, loadConfig } from '../../../agent/config/index.ts';
import { createLog } from '../../../agent/log.ts';
import { createLoopMetrics } from '../../../agent/metrics/index.ts';
import { nextConfig } from '../../../agent/reload.ts';

let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'podwright-reload-'))));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const document = (maxPods: string): string =>
  `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: ${maxPods}\n`;

test('a configuration that is written is read, a wrong one is passed over, and both are counted', async () => {
  const file = join(directory, 'config.yaml');
  let text = document('5');
  const load = (): Promise<LoadedConfig> =>
    loadConfig({ config: file }, { readFile: () => Promise.resolve(text), env: {}, hostname: 'here', cwd: directory });
  const write = (next: string): void => {
    text = next;
    writeFileSync(file, next);
    process.emit('SIGHUP');
  };
  const current = await load();
  const loops = createLoopMetrics();
  const log = await createLog({ format: 'json', verbosity: 0 });
  log.level = 'silent';
  const round = loops.round('configuration');
  const controller = new AbortController();
  const next = nextConfig({ load, current, files: [file], log, round }, controller.signal);
  const counted = (name: string): number =>
    Number(new RegExp(`${name}{loop="configuration"} (\\d+)`).exec(loops.render())?.[1]);
  write(document('many'));
  await expect.poll(() => counted('podwright_loop_failures_total'), { timeout: 30_000 }).toBeGreaterThan(0);
  write(document('7'));
  expect((await next).config.kubelet.maxPods).toBe(7);
  expect(counted('podwright_loop_duration_seconds_count')).toBeGreaterThan(1);
});
