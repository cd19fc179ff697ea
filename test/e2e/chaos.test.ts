import { expect, it } from 'vitest';
import { runChaos } from '../chaos/run.ts';

/** The short version of `npm run chaos`, which takes other seeds. */
const seed = Number(process.env['PODWRIGHT_CHAOS_SEED'] ?? 1);

it('pods and Services are as wanted after faults, nothing leaks, and no healthy container is restarted', async () => {
  const log = (text: string): void => console.log(`seed ${seed}: ${text}`);
  const size = { pods: 12, rounds: 6, cluster: false };
  expect(await runChaos({ ...size, seed, idleMs: 2_000, deadlineMs: 120_000, log })).toEqual([]);
}, 400_000);
