import { sweepDeadRuns } from './teardown.ts';

// Removes what killed test runs left on this machine: `npx tsx test/lab/sweep.ts`, as root.
for (const run of sweepDeadRuns()) console.log(`removed the leavings of test run ${run}`);
