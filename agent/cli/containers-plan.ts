import type { Pod } from '../objects/types.ts';

export interface ContainerChoice {
  readonly container: string;
  /** For standard error, when the user should know that there were others. */
  readonly note?: string;
}

/** KEP-2227. */
const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container';

/**
 * The container that a user means: the one named, else the one in the pod's annotation, else the first, as kubectl chooses
 * (`kubectl/pkg/cmd/util/podcmd`).
 *
 * @throws RangeError when the pod has no container of that name
 */
export function chooseContainer({ metadata, spec }: Pod, asked: string | undefined): ContainerChoice {
  const { containers, initContainers = [], ephemeralContainers = [] } = spec;
  const names = new Set([...containers, ...initContainers, ...ephemeralContainers].map(({ name }) => name));
  const list = [
    ...containers.map(({ name }) => name),
    ...ephemeralContainers.map(({ name }) => `${name} (ephem)`),
    ...initContainers.map(({ name }) => `${name} (init)`),
  ].join(', ');
  if (asked !== undefined) {
    if (names.has(asked)) return { container: asked };
    throw new RangeError(`container ${asked} not found in pod ${metadata.name}; it has: ${list}`);
  }
  const annotated = metadata.annotations[defaultContainerAnnotation];
  if (annotated !== undefined && names.has(annotated)) return { container: annotated };
  const container = containers[0]?.name ?? '';
  return names.size === 1 ? { container } : { container, note: `Defaulted container "${container}" out of: ${list}` };
}
