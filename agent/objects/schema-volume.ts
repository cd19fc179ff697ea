import type { Shape } from './schema.ts';

/*
 * The fields of a v1 Volume and of the things that files are made from (Kubernetes 1.36, `k8s.io/api/core/v1/types.go`).
 */

const strings: Shape = { list: 'string' };
const localReference: Shape = { fields: { name: 'string' } };
const labelSelector: Shape = {
  fields: {
    matchLabels: { map: 'string' },
    matchExpressions: { list: { fields: { key: 'string', operator: 'string', values: strings } } },
  },
};

/** A field of the pod, by its path. */
export const fieldRefShape: Shape = { fields: { apiVersion: 'string', fieldPath: 'string' } };

/** A resource of a container of the pod. */
export const resourceFieldRefShape: Shape = {
  fields: { containerName: 'string', resource: 'string', divisor: 'quantity' },
};

const keyToPath: Shape = { list: { fields: { key: 'string', path: 'string', mode: 'integer' } } };

const downwardFiles: Shape = {
  list: {
    fields: { path: 'string', fieldRef: fieldRefShape, resourceFieldRef: resourceFieldRefShape, mode: 'integer' },
  },
};

const projection: Shape = {
  fields: {
    clusterTrustBundle: {
      fields: {
        name: 'string',
        signerName: 'string',
        labelSelector,
        optional: 'boolean',
        path: 'string',
      },
    },
    configMap: { fields: { name: 'string', items: keyToPath, optional: 'boolean' } },
    downwardAPI: { fields: { items: downwardFiles } },
    podCertificate: {
      fields: {
        signerName: 'string',
        keyType: 'string',
        maxExpirationSeconds: 'integer',
        credentialBundlePath: 'string',
        keyPath: 'string',
        certificateChainPath: 'string',
        userAnnotations: { map: 'string' },
      },
    },
    secret: { fields: { name: 'string', items: keyToPath, optional: 'boolean' } },
    serviceAccountToken: { fields: { audience: 'string', expirationSeconds: 'integer', path: 'string' } },
  },
};

const csi: Shape = {
  fields: {
    driver: 'string',
    readOnly: 'boolean',
    fsType: 'string',
    volumeAttributes: { map: 'string' },
    nodePublishSecretRef: localReference,
  },
};

/** What a generic ephemeral volume is claimed with. */
const claimTemplate: Shape = {
  fields: {
    metadata: {
      fields: { labels: { map: 'string' }, annotations: { map: 'string' }, name: 'string', creationTimestamp: 'any' },
    },
    spec: {
      fields: {
        accessModes: strings,
        selector: labelSelector,
        resources: { fields: { limits: { map: 'quantity' }, requests: { map: 'quantity' } } },
        volumeName: 'string',
        storageClassName: 'string',
        volumeMode: 'string',
        dataSource: 'any',
        dataSourceRef: 'any',
        volumeAttributesClassName: 'string',
      },
    },
  },
};

/** Sources of volumes and of PersistentVolumes that need drivers of clouds and storage systems. */
export const DRIVER_SOURCES = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'glusterfs',
  'iscsi',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
] as const;

/** Sources whose content nothing here reads. */
const FOREIGN_SOURCES = [...DRIVER_SOURCES, 'gitRepo'] as const;

const SHAPED_SOURCES = {
  configMap: { fields: { name: 'string', items: keyToPath, defaultMode: 'integer', optional: 'boolean' } },
  csi,
  downwardAPI: { fields: { items: downwardFiles, defaultMode: 'integer' } },
  ephemeral: { fields: { volumeClaimTemplate: claimTemplate } },
  image: { fields: { reference: 'string', pullPolicy: 'string' } },
  nfs: { fields: { server: 'string', path: 'string', readOnly: 'boolean' } },
  persistentVolumeClaim: { fields: { claimName: 'string', readOnly: 'boolean' } },
  projected: { fields: { sources: { list: projection }, defaultMode: 'integer' } },
  secret: { fields: { secretName: 'string', items: keyToPath, defaultMode: 'integer', optional: 'boolean' } },
} as const satisfies Readonly<Record<string, Shape>>;

type ShapedSource = keyof typeof SHAPED_SOURCES;

const SHAPED_NAMES = Object.keys(SHAPED_SOURCES) as readonly ShapedSource[];

/** Volume sources beside emptyDir and hostPath. */
export const OTHER_VOLUME_SOURCES: readonly (ShapedSource | (typeof FOREIGN_SOURCES)[number])[] = [
  ...SHAPED_NAMES,
  ...FOREIGN_SOURCES,
].sort();

/** Every volume source. */
export const VOLUME_SOURCES = ['emptyDir', 'hostPath', ...OTHER_VOLUME_SOURCES] as const;

export const volumeShape: Shape = {
  fields: {
    ...Object.fromEntries(FOREIGN_SOURCES.map((name): [string, Shape] => [name, 'any'])),
    ...SHAPED_SOURCES,
    name: 'string',
    emptyDir: { fields: { medium: 'string', sizeLimit: 'quantity' } },
    hostPath: { fields: { path: 'string', type: 'string' } },
  },
};
