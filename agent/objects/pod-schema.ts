import type { Shape } from './schema.ts';

/*
 * The fields of a v1 Pod (Kubernetes 1.36, `k8s.io/api/core/v1/types.go`). Parts that nothing here reads are 'any': what
 * is not supported is refused by support.ts, whatever it holds.
 */

const strings: Shape = { list: 'string' };
const stringMap: Shape = { map: 'string' };

const metadata: Shape = {
  fields: {
    name: 'string',
    generateName: 'string',
    namespace: 'string',
    uid: 'string',
    labels: stringMap,
    annotations: stringMap,
    finalizers: strings,
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

const resources: Shape = { fields: { limits: { map: 'quantity' }, requests: { map: 'quantity' }, claims: 'any' } };

const port: Shape = {
  fields: { name: 'string', containerPort: 'integer', hostPort: 'integer', protocol: 'string', hostIP: 'string' },
};

const volumeMount: Shape = {
  fields: {
    name: 'string',
    mountPath: 'string',
    mountPropagation: 'string',
    readOnly: 'boolean',
    recursiveReadOnly: 'string',
    subPath: 'string',
    subPathExpr: 'string',
  },
};

const container: Shape = {
  fields: {
    name: 'string',
    image: 'string',
    imagePullPolicy: 'string',
    command: strings,
    args: strings,
    workingDir: 'string',
    env: { list: { fields: { name: 'string', value: 'string', valueFrom: 'any' } } },
    envFrom: 'any',
    ports: { list: port },
    resources,
    resizePolicy: 'any',
    restartPolicy: 'string',
    restartPolicyRules: 'any',
    volumeMounts: { list: volumeMount },
    volumeDevices: 'any',
    livenessProbe: 'any',
    readinessProbe: 'any',
    startupProbe: 'any',
    lifecycle: 'any',
    securityContext: 'any',
    stdin: 'boolean',
    stdinOnce: 'boolean',
    tty: 'boolean',
    terminationMessagePath: 'string',
    terminationMessagePolicy: 'string',
  },
};

/** Volume sources that this version has no code for. */
export const OTHER_VOLUME_SOURCES = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'configMap',
  'csi',
  'downwardAPI',
  'ephemeral',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'image',
  'iscsi',
  'nfs',
  'persistentVolumeClaim',
  'photonPersistentDisk',
  'portworxVolume',
  'projected',
  'quobyte',
  'rbd',
  'scaleIO',
  'secret',
  'storageos',
  'vsphereVolume',
] as const;

export const VOLUME_SOURCES = ['emptyDir', 'hostPath', ...OTHER_VOLUME_SOURCES] as const;

const volume: Shape = {
  fields: {
    ...Object.fromEntries(OTHER_VOLUME_SOURCES.map((name): [string, Shape] => [name, 'any'])),
    name: 'string',
    emptyDir: { fields: { medium: 'string', sizeLimit: 'quantity' } },
    hostPath: { fields: { path: 'string', type: 'string' } },
  },
};

const toleration: Shape = {
  fields: { key: 'string', operator: 'string', value: 'string', effect: 'string', tolerationSeconds: 'integer' },
};

const spec: Shape = {
  fields: {
    activeDeadlineSeconds: 'integer',
    affinity: 'any',
    automountServiceAccountToken: 'boolean',
    containers: { list: container },
    dnsConfig: 'any',
    dnsPolicy: 'string',
    enableServiceLinks: 'boolean',
    ephemeralContainers: 'any',
    hostAliases: 'any',
    hostIPC: 'boolean',
    hostNetwork: 'boolean',
    hostPID: 'boolean',
    hostUsers: 'boolean',
    hostname: 'string',
    hostnameOverride: 'string',
    imagePullSecrets: 'any',
    initContainers: 'any',
    nodeName: 'string',
    nodeSelector: stringMap,
    os: { fields: { name: 'string' } },
    overhead: 'any',
    preemptionPolicy: 'string',
    priority: 'integer',
    priorityClassName: 'string',
    readinessGates: 'any',
    resourceClaims: 'any',
    resources: 'any',
    restartPolicy: 'string',
    runtimeClassName: 'string',
    schedulerName: 'string',
    schedulingGates: 'any',
    securityContext: 'any',
    serviceAccount: 'string',
    serviceAccountName: 'string',
    setHostnameAsFQDN: 'boolean',
    shareProcessNamespace: 'boolean',
    subdomain: 'string',
    terminationGracePeriodSeconds: 'integer',
    tolerations: { list: toleration },
    topologySpreadConstraints: 'any',
    volumes: { list: volume },
    workloadRef: 'any',
  },
};

export const POD_SHAPE: Shape = { fields: { apiVersion: 'string', kind: 'string', metadata, spec, status: 'any' } };
