import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../../agent/config/index.ts';
import { evictionSettings } from '../../../agent/eviction/index.ts';

const head = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

function load(fields: string): ReturnType<typeof loadConfig> {
  const readFile = (): Promise<string> => Promise.resolve(head + fields);
  return loadConfig({ config: '/etc/c.yaml' }, { readFile, env: {}, hostname: 'n', cwd: '/' });
}

test('a wrong threshold is told with its line and field', async () => {
  const error: unknown = await load(
    'evictionHard:\n  nodefs.available: much\nevictionSoft: {memory.available: 1Gi}\n',
  ).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).message.split('\n')).toEqual([
    '/etc/c.yaml:4: evictionHard.nodefs.available: must be a quantity above 0 or a percentage up to 100%, not "much"',
    '/etc/c.yaml:5: evictionSoft.memory.available: a grace period for it must be in evictionSoftGracePeriod',
  ]);
});

test('what is not said is as in the kubelet', async () => {
  const { config, notActedOn } = await load('evictionPressureTransitionPeriod: 0s\n');
  expect(evictionSettings(config.kubelet)).toMatchObject({
    pressureTransitionMs: 300_000,
    maxPodGraceSeconds: 0,
    localStorageIsolation: true,
  });
  expect(notActedOn).toEqual([]);
});

test('what is said is followed', async () => {
  const { config } = await load(
    'evictionHard: {}\nevictionPressureTransitionPeriod: 30s\nevictionMaxPodGracePeriod: -1\nlocalStorageCapacityIsolation: false\n',
  );
  expect(evictionSettings(config.kubelet)).toEqual({
    thresholds: [],
    pressureTransitionMs: 30_000,
    maxPodGraceSeconds: undefined,
    localStorageIsolation: false,
  });
});
