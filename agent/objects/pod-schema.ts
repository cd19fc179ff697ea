import { containerShape, ephemeralContainerShape, resourcesShape } from './schema-container.ts';
import { metadataShape } from './schema-metadata.ts';
import { affinityShape, tolerationShape, topologySpreadShape } from './schema-scheduling.ts';
import { podSecurityShape } from './schema-security.ts';
import { volumeShape } from './schema-volume.ts';
import type { Shape } from './schema.ts';

export { OTHER_VOLUME_SOURCES } from './schema-volume.ts';

/*
 * The fields of a v1 Pod (Kubernetes 1.36, `k8s.io/api/core/v1/types.go`). Parts that nothing on a node reads are 'any'. What is
 * not supported is refused by support.ts.
 */

const strings: Shape = { list: 'string' };

const dnsConfig: Shape = {
  fields: {
    nameservers: strings,
    searches: strings,
    options: { list: { fields: { name: 'string', value: 'string' } } },
  },
};

const resourceClaim: Shape = {
  fields: { name: 'string', resourceClaimName: 'string', resourceClaimTemplateName: 'string', source: 'any' },
};

const spec: Shape = {
  fields: {
    activeDeadlineSeconds: 'integer',
    affinity: affinityShape,
    automountServiceAccountToken: 'boolean',
    containers: { list: containerShape },
    dnsConfig,
    dnsPolicy: 'string',
    enableServiceLinks: 'boolean',
    ephemeralContainers: { list: ephemeralContainerShape },
    hostAliases: { list: { fields: { ip: 'string', hostnames: strings } } },
    hostIPC: 'boolean',
    hostNetwork: 'boolean',
    hostPID: 'boolean',
    hostUsers: 'boolean',
    hostname: 'string',
    hostnameOverride: 'string',
    imagePullSecrets: { list: { fields: { name: 'string' } } },
    initContainers: { list: containerShape },
    nodeName: 'string',
    nodeSelector: { map: 'string' },
    os: { fields: { name: 'string' } },
    overhead: { map: 'quantity' },
    preemptionPolicy: 'string',
    priority: 'integer',
    priorityClassName: 'string',
    readinessGates: { list: { fields: { conditionType: 'string' } } },
    resourceClaims: { list: resourceClaim },
    resources: resourcesShape,
    restartPolicy: 'string',
    runtimeClassName: 'string',
    schedulerName: 'string',
    schedulingGates: { list: { fields: { name: 'string' } } },
    securityContext: podSecurityShape,
    serviceAccount: 'string',
    serviceAccountName: 'string',
    setHostnameAsFQDN: 'boolean',
    shareProcessNamespace: 'boolean',
    subdomain: 'string',
    terminationGracePeriodSeconds: 'integer',
    tolerations: { list: tolerationShape },
    topologySpreadConstraints: { list: topologySpreadShape },
    volumes: { list: volumeShape },
    workloadRef: 'any',
  },
};

export const POD_SHAPE: Shape = {
  fields: { apiVersion: 'string', kind: 'string', metadata: metadataShape, spec, status: 'any' },
};
