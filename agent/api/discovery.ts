import { isNotFound } from './errors.ts';
import type { ReadJson } from './list.ts';
import { groupPath } from './paths.ts';

/** What the server serves; asked once for a version of a group, until the server was lost: it may come back as another. */
export class Discovery {
  readonly #read: ReadJson;
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(read: ReadJson) {
    this.#read = read;
  }

  /** @param groupVersion `v1` or `discovery.k8s.io/v1` */
  async serves(groupVersion: string, plural: string, signal: AbortSignal): Promise<boolean> {
    const plurals = this.#known.get(groupVersion) ?? (await this.#ask(groupVersion, signal));
    this.#known.set(groupVersion, plurals);
    return plurals.has(plural);
  }

  forget(): void {
    this.#known.clear();
  }

  async #ask(groupVersion: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const [version = '', group = ''] = groupVersion.split('/').reverse();
    const path = groupPath(group, version);
    try {
      const { resources } = await this.#read<{ readonly resources?: readonly { readonly name: string }[] | null }>(
        { what: `discover ${groupVersion}`, method: 'GET', path },
        signal,
      );
      return new Set((resources ?? []).map(({ name }) => name));
    } catch (error) {
      if (isNotFound(error)) return new Set();
      throw error;
    }
  }
}
