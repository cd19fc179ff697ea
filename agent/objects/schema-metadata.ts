import type { Shape } from './schema.ts';

/** The fields of a v1 ObjectMeta. What only an API server has a use for is 'any'. */
export const metadataShape: Shape = {
  fields: {
    name: 'string',
    generateName: 'string',
    namespace: 'string',
    uid: 'string',
    labels: { map: 'string' },
    annotations: { map: 'string' },
    finalizers: { list: 'string' },
    ownerReferences: 'any',
    managedFields: 'any',
    creationTimestamp: 'any',
    deletionTimestamp: 'any',
    deletionGracePeriodSeconds: 'any',
    resourceVersion: 'any',
    generation: 'any',
    selfLink: 'any',
  },
};
