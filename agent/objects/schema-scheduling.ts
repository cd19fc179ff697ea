import type { Shape } from './schema.ts';

/*
 * The fields of a v1 pod that say where it may run (Kubernetes 1.36, `k8s.io/api/core/v1/types.go`). On a node they matter for
 * admission; what concerns other pods is the scheduler's alone and is 'any'.
 */

const expressions: Shape = {
  list: { fields: { key: 'string', operator: 'string', values: { list: 'string' } } },
};

const nodeSelectorTerm: Shape = { fields: { matchExpressions: expressions, matchFields: expressions } };

const nodeAffinity: Shape = {
  fields: {
    requiredDuringSchedulingIgnoredDuringExecution: { fields: { nodeSelectorTerms: { list: nodeSelectorTerm } } },
    preferredDuringSchedulingIgnoredDuringExecution: {
      list: { fields: { weight: 'integer', preference: nodeSelectorTerm } },
    },
  },
};

export const affinityShape: Shape = { fields: { nodeAffinity, podAffinity: 'any', podAntiAffinity: 'any' } };

export const tolerationShape: Shape = {
  fields: { key: 'string', operator: 'string', value: 'string', effect: 'string', tolerationSeconds: 'integer' },
};

export const topologySpreadShape: Shape = {
  fields: {
    labelSelector: { fields: { matchLabels: { map: 'string' }, matchExpressions: expressions } },
    matchLabelKeys: { list: 'string' },
    maxSkew: 'integer',
    minDomains: 'integer',
    nodeAffinityPolicy: 'string',
    nodeTaintsPolicy: 'string',
    topologyKey: 'string',
    whenUnsatisfiable: 'string',
  },
};
