import { objectKey, type ObjectKind, type ObjectReader } from '../objects/types.ts';
import type { SourceProblem } from '../sources/types.ts';

const kinds = ['Service', 'Endpoints', 'EndpointSlice'] as const satisfies readonly ObjectKind[];

/**
 * What is said of Services and their endpoints that are files on a node of a cluster: they have no effect there.
 *
 * @param originOf the file of an object, by its key
 */
export function ignoredFiles(
  objects: Pick<ObjectReader, 'objects'>,
  originOf: (key: string) => string | undefined,
): readonly SourceProblem[] {
  return kinds.flatMap((kind) =>
    objects.objects(kind).map(({ metadata }) => {
      const object = objectKey(kind, metadata.namespace, metadata.name);
      return {
        object,
        origin: originOf(object) ?? '',
        severity: 'warning' as const,
        message: `the ${kind} of this file has no effect: the node belongs to a cluster; create it there with kubectl apply -f`,
      };
    }),
  );
}
