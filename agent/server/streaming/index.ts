export { serveCommand } from './command.ts';
export {
  type CommandEnd,
  type CommandOptions,
  type CommandStreams,
  defaultLimits,
  type RunCommand,
  type StreamingLimits,
} from './types.ts';
