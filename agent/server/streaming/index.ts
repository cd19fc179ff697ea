export { serveCommand } from './command.ts';
export { servePortForward } from './port-forward.ts';
export type { DialPort } from './port-forward-run.ts';
export {
  type CommandOptions,
  defaultLimits,
  type RunCommand,
  type StreamingLimits,
  type UpgradeRequest,
} from './types.ts';
