export { createIptablesBackend, type IptablesOptions } from './backend.ts';
export { programsOfVariant, readIptablesVersion, type IptablesVersion, type Programs } from './programs.ts';
export { parseRules, RuleSyntaxError, type RuleSet } from './trace-rules.ts';
export { trace, type TracedPacket, type TraceNode, type TraceOutcome } from './trace.ts';
