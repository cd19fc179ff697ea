export type { ServiceInput } from './input.ts';
export { createServicePlanner, planServices, type PlanChanges, type ProxyPlans } from './planner.ts';
