export type { ProxyNode, ServiceInput, SliceInput } from './input.ts';
export {
  createServicePlanner,
  planServices,
  type PlanChanges,
  type PlanInput,
  type ProxyPlans,
  type ServicePlanner,
} from './planner.ts';
