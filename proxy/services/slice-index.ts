import { serviceKeyOf, type SliceInput } from './input.ts';

/** EndpointSlices by the Service that they are of. */
export interface SliceIndex {
  /**
   * Puts a slice in the place of the one with its key, or takes that away.
   *
   * @returns the keys of the Services whose slices are others now: none, one, or two when the slice went from one to another
   */
  set(key: string, slice: SliceInput | undefined): readonly string[];
  /** The slices of a Service, by their names. */
  of(service: string): readonly SliceInput[];
}

export function createSliceIndex(): SliceIndex {
  const owners = new Map<string, string>();
  const byService = new Map<string, Map<string, SliceInput>>();

  const remove = (key: string, owner: string): void => {
    const slices = byService.get(owner);
    slices?.delete(key);
    if (slices?.size === 0) byService.delete(owner);
    owners.delete(key);
  };
  const add = (key: string, owner: string, slice: SliceInput): void => {
    const slices = byService.get(owner) ?? new Map<string, SliceInput>();
    byService.set(owner, slices.set(key, slice));
    owners.set(key, owner);
  };

  return {
    set: (key, slice) => {
      const before = owners.get(key);
      const owner = slice === undefined ? undefined : serviceKeyOf(slice);
      if (before !== undefined && before !== owner) remove(key, before);
      if (slice !== undefined && owner !== undefined) add(key, owner, slice);
      return [...new Set([before, owner])].filter((service) => service !== undefined);
    },
    of: (service) => [...(byService.get(service) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, slice]) => slice),
  };
}
