export { createIptablesBackend } from './backend.ts';
export { programsOfVariant, readIptablesVersion, type Programs } from './programs.ts';
export { parseRules, RuleSyntaxError } from './trace-rules.ts';
export { trace, type TracedPacket, type TraceNode, type TraceOutcome } from './trace.ts';
