export { verifyRunAsNonRoot } from './non-root.ts';
export { type SecurityFacts, securityFacts, securityProblems } from './problems.ts';
export { containerSecurity, sandboxSecurity } from './render.ts';
export { createSecurity, type NodeSecurity } from './security.ts';
export { podSysctls, safeSysctls, sysctlProblem } from './sysctls.ts';
