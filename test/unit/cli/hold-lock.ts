import { acquireLock } from '../../../agent/lock.ts';

/* Holds the lock of the directory in its first argument until it is killed; says `held` when it has it. */
await acquireLock(process.argv[2] ?? '');
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
