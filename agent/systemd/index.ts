export { createLoopWatch, type LoopWatch } from './loop-watch.ts';
export { type Notifier, takeNotifier } from './notify.ts';
export type { ServiceReport } from './report-plan.ts';
export { supervise } from './supervise.ts';
