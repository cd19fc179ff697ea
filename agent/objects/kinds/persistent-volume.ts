import { posix } from 'node:path';
import type { FieldPath } from '../field-path.ts';
import { forbidden, required, unsupported, type FieldProblem } from '../field-problem.ts';
import { DRIVER_SOURCES } from '../schema-volume.ts';
import type { Shape } from '../schema.ts';
import type { PersistentVolume } from '../types.ts';
import { noControl, validateAbsolutePath } from '../validate-paths.ts';
import { oneOf } from '../validate-values.ts';
import type { KindRules } from './rules.ts';
import { notSupported, validateAccessModes, validateClassName, validateSize, validateVolumeMode } from './storage.ts';

type Spec = NonNullable<PersistentVolume['spec']>;
type NodeAffinity = NonNullable<Spec['nodeAffinity']>;

const SOURCES = ['hostPath', 'local', 'nfs'] as const;
const OTHER_SOURCES = [...DRIVER_SOURCES, 'csi' as const].sort();
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];
const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

const requirement: Shape = { fields: { key: 'string', operator: 'string', values: { list: 'string' } } };
const term: Shape = { fields: { matchExpressions: { list: requirement }, matchFields: { list: requirement } } };

const spec: Shape = {
  fields: {
    ...Object.fromEntries(OTHER_SOURCES.map((name): [string, Shape] => [name, 'any'])),
    accessModes: { list: 'string' },
    capacity: { map: 'quantity' },
    claimRef: {
      fields: {
        apiVersion: 'string',
        fieldPath: 'string',
        kind: 'string',
        name: 'string',
        namespace: 'string',
        resourceVersion: 'string',
        uid: 'string',
      },
    },
    hostPath: { fields: { path: 'string', type: 'string' } },
    local: { fields: { path: 'string', fsType: 'string' } },
    mountOptions: { list: 'string' },
    nfs: { fields: { server: 'string', path: 'string', readOnly: 'boolean' } },
    nodeAffinity: { fields: { required: { fields: { nodeSelectorTerms: { list: term } } } } },
    persistentVolumeReclaimPolicy: 'string',
    storageClassName: 'string',
    volumeAttributesClassName: 'any',
    volumeMode: 'string',
  },
};

/**
 * PersistentVolume, as `ValidatePersistentVolume` has it, with one addition: a `local` volume without node affinity is one of
 * this node, since its manifest lies on this node.
 */
export const persistentVolumeRules: KindRules<'PersistentVolume'> = {
  fields: { spec },
  namespaced: false,
  validate: (volume, base) => validateSpec(volume.spec ?? {}, [...base, 'spec']),
  complete: (volume, nodeName) => ({ ...volume, spec: completeSpec(volume.spec ?? {}, nodeName) }),
};

function completeSpec(volume: Spec, nodeName: string): Spec {
  const { hostPath, local, nodeAffinity } = volume;
  return {
    ...volume,
    persistentVolumeReclaimPolicy: volume.persistentVolumeReclaimPolicy || 'Retain',
    volumeMode: volume.volumeMode ?? 'Filesystem',
    ...(hostPath === undefined ? {} : { hostPath: { ...hostPath, type: hostPath.type ?? '' } }),
    ...(local === undefined || nodeAffinity !== undefined ? {} : { nodeAffinity: affinityTo(nodeName) }),
  };
}

function affinityTo(nodeName: string): NodeAffinity {
  return {
    required: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName.toLowerCase()] }] },
      ],
    },
  };
}

function validateSpec(volume: Spec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validateAccessModes(volume.accessModes ?? [], [...path, 'accessModes']),
    ...validateCapacity(volume.capacity ?? {}, [...path, 'capacity']),
    ...validateSource(volume, path),
    ...validateReclaimPolicy(volume, [...path, 'persistentVolumeReclaimPolicy']),
    ...validateClassName(volume.storageClassName, [...path, 'storageClassName']),
    ...validateVolumeMode(volume.volumeMode, [...path, 'volumeMode']),
    ...validateAffinity(volume.nodeAffinity, [...path, 'nodeAffinity']),
    ...(volume.volumeAttributesClassName === undefined ? [] : [notSupported([...path, 'volumeAttributesClassName'])]),
    ...(volume.mountOptions ?? []).flatMap((option, index) => noControl(option, [...path, 'mountOptions', index])),
  ];
}

function validateCapacity(capacity: NonNullable<Spec['capacity']>, path: FieldPath): readonly FieldProblem[] {
  const others = Object.keys(capacity).filter((name) => name !== 'storage');
  return [
    ...validateSize(capacity['storage'], [...path, { key: 'storage' }]),
    ...others.map((name) => unsupported([...path, { key: name }], name, ['storage'])),
  ];
}

function validateSource(volume: Spec, path: FieldPath): readonly FieldProblem[] {
  const used = SOURCES.filter((source) => volume[source] !== undefined);
  const others = OTHER_SOURCES.filter((source) => volume[source] !== undefined);
  if (used.length + others.length === 0) return [required(path, 'must specify a volume type')];
  return [
    ...others.map((source) => notSupported([...path, source])),
    ...used.slice(1).map((source) => forbidden([...path, source], 'may not specify more than 1 volume type')),
    ...validateHostPath(volume.hostPath, [...path, 'hostPath']),
    ...(volume.local === undefined ? [] : validateAbsolutePath(volume.local.path, [...path, 'local', 'path'])),
    ...validateNfs(volume.nfs, [...path, 'nfs']),
  ];
}

function validateHostPath(source: Spec['hostPath'], path: FieldPath): readonly FieldProblem[] {
  if (source === undefined) return [];
  const { type = '' } = source;
  return [...validateAbsolutePath(source.path, [...path, 'path']), ...oneOf(type, HOST_PATH_TYPES, [...path, 'type'])];
}

function validateNfs(source: Spec['nfs'], path: FieldPath): readonly FieldProblem[] {
  if (source === undefined) return [];
  const server = [...path, 'server'];
  return [
    ...(source.server ? noControl(source.server, server) : [required(server)]),
    ...validateAbsolutePath(source.path, [...path, 'path']),
  ];
}

function validateReclaimPolicy(volume: Spec, path: FieldPath): readonly FieldProblem[] {
  const policy = volume.persistentVolumeReclaimPolicy;
  if (!policy) return [];
  if (!RECLAIM_POLICIES.includes(policy)) return [unsupported(path, policy, RECLAIM_POLICIES)];
  const root = volume.hostPath !== undefined && posix.normalize(volume.hostPath.path || '.') === '/';
  return root && policy === 'Recycle' ? [forbidden(path, "may not be 'recycle' for a hostPath mount of '/'")] : [];
}

function validateAffinity(affinity: Spec['nodeAffinity'], path: FieldPath): readonly FieldProblem[] {
  if (affinity === undefined) return [];
  if (affinity.required === undefined) return [required([...path, 'required'])];
  const terms = affinity.required.nodeSelectorTerms ?? [];
  return terms.length > 0 ? [] : [required([...path, 'required', 'nodeSelectorTerms'])];
}
