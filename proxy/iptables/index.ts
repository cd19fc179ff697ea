export { createIptablesBackend } from './backend.ts';
export { programsOfVariant, readIptablesVersion, type Programs } from './programs.ts';
export { parseRules, RuleSyntaxError } from './trace-rules.ts';
export { renderPlan } from './render.ts';
export { trace, traceIptables, type TracedPacket, type TraceOutcome } from './trace.ts';
export { heldOfAll, heldOfPort, readHeldRules } from './held.ts';
