import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

/*
 * Loaded into the daemon before its own program (NODE_OPTIONS=--import=…). Two things that cannot be had from outside:
 *
 * - the wall clock, set off by the milliseconds in the file `clock`, without touching the machine's clock. Times of files
 *   and the monotonic clock go on as they are;
 * - at SIGUSR2 a full garbage collection, and its result in the file `memory.json`.
 */

const directory = process.env.PODWRIGHT_CHAOS_DIR ?? '';

const RealDate = Date;
const realNow = Date.now;
let offsetMs = readOffset();
const now = () => realNow() + offsetMs;

RealDate.now = now;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
});
setInterval(() => (offsetMs = readOffset()), 50).unref();

if (isMainThread) process.on('SIGUSR2', writeMemory);

function readOffset() {
  try {
    return Number(readFileSync(`${directory}/clock`, 'utf8'));
  } catch {
    return 0;
  }
}

function writeMemory() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  collect();
  // What finalizers let go is collected by the second one.
  setTimeout(() => {
    collect();
    writeFileSync(`${directory}/memory.tmp`, JSON.stringify(process.memoryUsage()));
    renameSync(`${directory}/memory.tmp`, `${directory}/memory.json`);
  }, 100);
}
