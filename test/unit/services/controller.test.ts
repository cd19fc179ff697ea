import { expect, test } from 'vitest';
import { createLoopMetrics } from '../../../agent/metrics/index.ts';
import type { ObjectReader } from '../../../agent/objects/types.ts';
import { createServiceController } from '../../../agent/services/index.ts';
import type { ServiceChanges } from '../../../agent/services/controller.ts';
import { service } from './helpers.ts';

test('a Service has its address when the objects were told of, and the round is counted; one that fails is, too', async () => {
  const loops = createLoopMetrics();
  const changes: ServiceChanges[] = [];
  const errors: unknown[] = [];
  const objects = {
    object: () => undefined,
    objects: (kind: string) => (kind === 'Service' ? [service()] : []),
  } as unknown as ObjectReader;
  const controller = createServiceController({
    ...{ objects, nodeName: 'here', kept: new Map(), pods: () => [] },
    ranges: { clusterIps: ['198.51.100.0/24'], nodePorts: { first: 30_000, last: 30_255 } },
    keptFile: { write: () => Promise.reject(new Error('no space left')) },
    onChange: (change) => void changes.push(change),
    onError: (error) => void errors.push(error),
    rounds: { publish: loops.round('services'), write: loops.round('state-files') },
  });
  controller.objectsChanged();
  expect(controller.services()[0]?.spec?.clusterIP).toMatch(/^198\.51\.100\./);
  expect(changes).toHaveLength(1);
  await controller.stop();
  expect(errors).toEqual([new Error('no space left')]);
  const text = loops.render();
  expect(text).toContain('podwright_loop_duration_seconds_count{loop="services"} 1');
  expect(text).toContain('podwright_loop_failures_total{loop="services"} 0');
  expect(text).toContain('podwright_loop_failures_total{loop="state-files"} 1');
});
