import { isDeepStrictEqual } from 'node:util';
import type { EndpointSlice, ObjectReader, Service } from '../objects/types.ts';
import type { PodView } from '../pods/pod-views.ts';
import { allocate } from './allocate.ts';
import type { KeptFile } from './kept.ts';
import { type Round, uncounted } from '../round.ts';
import { servicePodOf } from './pod.ts';
import { standaloneSlices } from './standalone.ts';
import { type KeptServices, serviceKey, type ServiceProblem, type ServiceRanges } from './types.ts';

/** What changed, by `namespace/name`; undefined for what is gone. */
export interface ServiceChanges {
  readonly services: ReadonlyMap<string, Service | undefined>;
  readonly slices: ReadonlyMap<string, EndpointSlice | undefined>;
}

export interface ServiceControllerDeps {
  readonly objects: ObjectReader;
  readonly pods: () => readonly PodView[];
  readonly nodeName: string;
  /** Of the node; undefined when it is not known. */
  readonly zone?: string | undefined;
  readonly ranges: ServiceRanges;
  /** What was given before, and the file that keeps it. */
  readonly kept: KeptServices;
  readonly keptFile: Pick<KeptFile, 'write'>;
  readonly onChange: (changes: ServiceChanges) => void;
  readonly onError: (error: unknown) => void;
  readonly rounds?: { readonly publish: Round; readonly write: Round };
}

/** What the control plane of a cluster does for Services, on a node that stands alone: addresses and endpoints. */
export interface ServiceController {
  /** Services, Endpoints or EndpointSlices changed. Addresses are given before this returns: pods may start right after. */
  objectsChanged(): void;
  /** A pod may be ready now, or not any more. What comes within a moment is looked at once. */
  podsChanged(): void;
  /** With all addresses in their places; without those that are refused. */
  services(): readonly Service[];
  slices(): readonly EndpointSlice[];
  problems(): readonly ServiceProblem[];
  /** Waits for what is being written. */
  stop(): Promise<void>;
}

/** Readiness of pods that start together arrives in a crowd. */
const gatherMs = 50;

export function createServiceController(deps: ServiceControllerDeps): ServiceController {
  const rounds = deps.rounds ?? { publish: uncounted, write: uncounted };
  let kept = deps.kept;
  let services: ReadonlyMap<string, Service> = new Map();
  let slices: ReadonlyMap<string, EndpointSlice> = new Map();
  let problems: readonly ServiceProblem[] = [];
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const give = (): ReadonlyMap<string, Service | undefined> => {
    const allocation = allocate(deps.objects.objects('Service'), kept, deps.ranges);
    kept = allocation.kept;
    problems = allocation.problems;
    writing = writing.then(() => rounds.write(() => deps.keptFile.write(allocation.kept))).catch(deps.onError);
    const changes = difference(services, byKey(allocation.services));
    services = applied(services, changes);
    return changes;
  };

  const publish = (changed: ReadonlyMap<string, Service | undefined>): void => {
    clearTimeout(timer);
    timer = undefined;
    const found = standaloneSlices({
      services: [...services.values()],
      pods: deps.pods().flatMap(({ pod, status, terminating }) => {
        return status === undefined ? [] : [servicePodOf(pod, status, terminating)];
      }),
      endpoints: deps.objects.objects('Endpoints'),
      slices: deps.objects.objects('EndpointSlice'),
      nodeName: deps.nodeName,
      ...(deps.zone === undefined ? {} : { zone: deps.zone }),
    });
    const changes = difference(slices, byKey(found));
    slices = applied(slices, changes);
    if (changed.size > 0 || changes.size > 0) deps.onChange({ services: changed, slices: changes });
  };

  // A round begins at once: what it gives is there when this returns.
  const round = (given: () => ReadonlyMap<string, Service | undefined>): void => {
    rounds.publish(() => Promise.resolve(publish(given()))).catch(deps.onError);
  };

  return {
    objectsChanged: () => round(give),
    podsChanged: () => {
      timer ??= setTimeout(() => round(() => new Map()), gatherMs);
    },
    services: () => [...services.values()],
    slices: () => [...slices.values()],
    problems: () => problems,
    stop: async () => {
      clearTimeout(timer);
      await writing;
    },
  };
}

function byKey<T extends Service | EndpointSlice>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [serviceKey(object), object]));
}

function difference<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): Map<string, T | undefined> {
  const changes = new Map<string, T | undefined>();
  for (const [key, object] of after) if (!isDeepStrictEqual(before.get(key), object)) changes.set(key, object);
  for (const key of before.keys()) if (!after.has(key)) changes.set(key, undefined);
  return changes;
}

/** What did not change stays the object that it was. */
function applied<T>(
  before: ReadonlyMap<string, T>,
  changes: ReadonlyMap<string, T | undefined>,
): ReadonlyMap<string, T> {
  const after = new Map(before);
  for (const [key, object] of changes) {
    if (object === undefined) after.delete(key);
    else after.set(key, object);
  }
  return after;
}

/** The objects of a store with the Services as they are after allocation: what containers see in their environment. */
export function withServices(objects: ObjectReader, services: () => readonly Service[]): ObjectReader {
  const all = (): readonly Service[] => services();
  return {
    object: (kind, namespace, name) => {
      if (kind !== 'Service') return objects.object(kind, namespace, name);
      const found = all().find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
      return found as ReturnType<typeof objects.object<typeof kind>>;
    },
    objects: (kind) => {
      if (kind !== 'Service') return objects.objects(kind);
      return all() as unknown as ReturnType<typeof objects.objects<typeof kind>>;
    },
  };
}
