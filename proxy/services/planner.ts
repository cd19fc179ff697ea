import { isDeepStrictEqual } from 'node:util';
import type { Family, ProxyPlan, ProxySettings, ServicePortPlan } from '../types.ts';
import { keyOf, type ProxyNode, type ServiceInput, type SliceInput } from './input.ts';
import { planService } from './plan-service.ts';
import { createSliceIndex } from './slice-index.ts';

/** The whole desired state, by address family. */
export type ProxyPlans = Readonly<Record<Family, ProxyPlan>>;

/** Everything that decides, at one time. */
export interface PlanInput {
  readonly services: readonly ServiceInput[];
  readonly slices: readonly SliceInput[];
  readonly nodeName: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<Family, ProxySettings>>;
}

/** What is not the same as it was; the rest stays. The maps are by `namespace/name`, with undefined for what is gone. */
export interface PlanChanges {
  readonly services?: ReadonlyMap<string, ServiceInput | undefined>;
  readonly slices?: ReadonlyMap<string, SliceInput | undefined>;
  readonly nodeLabels?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<Family, ProxySettings>>;
}

/**
 * Keeps the plans of all Services and recomputes those that a change touches. A plan that says the same as before is the same
 * object as before, from the plan of a port to the plan of a family: what differs by identity has changed.
 */
export interface ServicePlanner {
  update(changes: PlanChanges): ProxyPlans;
}

const FAMILIES: readonly Family[] = [4, 6];

/** Decides what should be reachable, from scratch. */
export function planServices({ services, slices, ...start }: PlanInput): ProxyPlans {
  return createServicePlanner(start).update({
    services: new Map(services.map((service) => [keyOf(service), service])),
    slices: new Map(slices.map((slice) => [keyOf(slice), slice])),
  });
}

export function createServicePlanner(start: Omit<PlanInput, 'services' | 'slices'>): ServicePlanner {
  const services = new Map<string, ServiceInput>();
  const slices = createSliceIndex();
  const families = { 4: createFamilyPlans(start.settings[4]), 6: createFamilyPlans(start.settings[6]) };
  let node: ProxyNode = { name: start.nodeName, labels: start.nodeLabels };

  /** @returns the keys of the Services that the changes touch */
  const apply = (changes: PlanChanges): Iterable<string> => {
    const touched = new Set(changes.services?.keys());
    for (const [key, service] of changes.services ?? []) setOrDelete(services, key, service);
    for (const [key, slice] of changes.slices ?? []) {
      for (const service of slices.set(key, slice)) touched.add(service);
    }
    if (changes.nodeLabels === undefined) return touched;
    node = { ...node, labels: changes.nodeLabels };
    return [...touched, ...services.keys()];
  };

  return {
    update: (changes) => {
      for (const key of apply(changes)) {
        const service = services.get(key);
        for (const family of FAMILIES) {
          families[family].set(key, service === undefined ? [] : planService(service, slices.of(key), node, family));
        }
      }
      return { 4: families[4].plan(changes.settings?.[4]), 6: families[6].plan(changes.settings?.[6]) };
    },
  };
}

interface FamilyPlans {
  set(key: string, ports: readonly ServicePortPlan[]): void;
  /** @param next the settings from now on, when they changed */
  plan(next: ProxySettings | undefined): ProxyPlan;
}

function createFamilyPlans(settings: ProxySettings): FamilyPlans {
  const ports = new Map<string, readonly ServicePortPlan[]>();
  let current: ProxyPlan = { settings, services: [] };
  let order: readonly string[] | undefined = [];
  let stale = false;

  return {
    set: (key, next) => {
      const before = ports.get(key) ?? [];
      const kept = keepEqual(before, next);
      if (kept === before) return;
      if (before.length === 0 || kept.length === 0) order = undefined;
      setOrDelete(ports, key, kept.length === 0 ? undefined : kept);
      stale = true;
    },
    plan: (next = current.settings) => {
      const settings = isDeepStrictEqual(next, current.settings) ? current.settings : next;
      if (!stale && settings === current.settings) return current;
      order ??= [...ports.keys()].sort();
      current = { settings, services: stale ? order.flatMap((key) => ports.get(key) ?? []) : current.services };
      stale = false;
      return current;
    },
  };
}

/** The next plans of a Service, with the objects of before where they say the same. */
function keepEqual(before: readonly ServicePortPlan[], next: readonly ServicePortPlan[]): readonly ServicePortPlan[] {
  const kept = next.map((plan, index) => {
    const known = before[index];
    return known !== undefined && isDeepStrictEqual(known, plan) ? known : plan;
  });
  return kept.length === before.length && kept.every((plan, index) => plan === before[index]) ? before : kept;
}

function setOrDelete<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
