import type { TestHost } from '../lab/index.ts';
import { podName, podObject, serviceName, serviceObject } from './objects.ts';
import type { Change } from './plan.ts';

/** Where what is wanted is written for the node to read: files on it, or a cluster. */
export interface DesiredState {
  /**
   * Makes changes. Where they cannot be written now they are tried again until they can.
   *
   * @returns after the first try
   */
  change(changes: readonly Change[]): Promise<void>;
  /** What is not written yet, and what is not said of the pods where it was written, one readable line each. */
  differences(): Promise<readonly string[]>;
  /** The versions of the pods' objects, which stay the same while nothing happens to the pods. */
  versions(): Promise<readonly string[]>;
  /** Ends the tries. */
  close(): Promise<void>;
}

/** Static pods and Services by files, which can always be written. */
export function filesState(host: TestHost, pods: number): DesiredState {
  return {
    change: (changes) => {
      for (const change of changes) applyToFiles(host, change, pods);
      return Promise.resolve();
    },
    differences: () => Promise.resolve([]),
    versions: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

function applyToFiles(host: TestHost, change: Change, pods: number): void {
  const [file, object] =
    change.kind === 'pod'
      ? [podName(change.pod), change.revision > 0 && podObject(change.pod, change.revision, pods)]
      : [serviceName(change.service), change.there && serviceObject(change.service)];
  if (object === false) host.removeManifest(`${file}.yaml`);
  else host.drop(`${file}.yaml`, object);
}
