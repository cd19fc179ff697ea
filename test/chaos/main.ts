import { parseArgs } from 'node:util';
import { runChaos } from './run.ts';

/*
 * npm run chaos                              60 pods, two phases of 24 faults
 * npm run chaos -- --cluster                 on a node of a cluster, whose control plane fails too
 * npm run chaos -- --pods 30 --rounds 8      a smaller one
 * PODWRIGHT_CHAOS_SEED=7 npm run chaos       the plan of an earlier run
 */

const { values } = parseArgs({
  options: {
    cluster: { type: 'boolean', default: false },
    pods: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '24' },
    'idle-seconds': { type: 'string', default: '60' },
    'limit-minutes': { type: 'string', default: '30' },
  },
});
const seed = Number(process.env['PODWRIGHT_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const start = performance.now();
const log = (text: string): void => console.log(`${((performance.now() - start) / 1_000).toFixed(1)} s  ${text}`);

const limit = setTimeout(
  () => {
    log(`seed ${seed}: not within ${values['limit-minutes']} minutes`);
    process.exit(1); // the lab removes the host
  },
  Number(values['limit-minutes']) * 60_000,
);
log(`seed ${seed}`);
try {
  const problems = await runChaos({
    ...{ seed, pods: Number(values.pods), rounds: Number(values.rounds), log },
    idleMs: Number(values['idle-seconds']) * 1_000,
    ...{ cluster: values.cluster, deadlineMs: 300_000 },
  });
  log(problems.length === 0 ? `seed ${seed}: all holds` : `seed ${seed}: ${problems.length} problems`);
  for (const problem of problems) console.log(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  log(`seed ${seed}: failed`);
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(limit);
}
