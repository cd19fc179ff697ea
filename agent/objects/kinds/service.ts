import type { FieldPath } from '../field-path.ts';
import { required, type FieldProblem } from '../field-problem.ts';
import { dns1123Subdomain, labelValue, qualifiedName } from '../names.ts';
import type { Shape } from '../schema.ts';
import type { Service } from '../types.ts';
import { oneOf } from '../validate-values.ts';
import { check } from '../validate-metadata.ts';
import { validateEndpointAddress } from './endpoint-address.ts';
import type { KindRules } from './rules.ts';
import { validateClusterIps } from './service-addresses.ts';
import { validatePorts } from './service-ports.ts';
import { completeStatus, serviceStatus, validateStatus } from './service-status.ts';
import { isExternallyAccessible, validateTraffic } from './service-traffic.ts';

type Spec = NonNullable<Service['spec']>;
type Port = NonNullable<Spec['ports']>[number];

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
/** Seconds that a client stays with its endpoint (pkg/apis/core/types.go). */
const DEFAULT_AFFINITY_SECONDS = 10_800;
const NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

const port: Shape = {
  fields: {
    name: 'string',
    port: 'integer',
    targetPort: 'any',
    nodePort: 'integer',
    protocol: 'string',
    appProtocol: 'string',
  },
};

const spec: Shape = {
  fields: {
    allocateLoadBalancerNodePorts: 'boolean',
    clusterIP: 'string',
    clusterIPs: { list: 'string' },
    externalIPs: { list: 'string' },
    externalName: 'string',
    externalTrafficPolicy: 'string',
    healthCheckNodePort: 'integer',
    internalTrafficPolicy: 'string',
    ipFamilies: { list: 'string' },
    ipFamilyPolicy: 'string',
    loadBalancerClass: 'string',
    loadBalancerIP: 'string',
    loadBalancerSourceRanges: { list: 'string' },
    ports: { list: port },
    publishNotReadyAddresses: 'boolean',
    selector: { map: 'string' },
    sessionAffinity: 'string',
    sessionAffinityConfig: { fields: { clientIP: { fields: { timeoutSeconds: 'integer' } } } },
    trafficDistribution: 'string',
    type: 'string',
  },
};

/** Service, as `ValidateService` has it; defaults as `SetDefaults_Service` (pkg/apis/core/v1/defaults.go). */
export const serviceRules: KindRules<'Service'> = {
  fields: { spec },
  status: serviceStatus,
  namespaced: true,
  validate: (service, base) => [
    ...check(service.metadata.name, serviceName, [...base, 'metadata', 'name']),
    ...validateSpec(service.spec ?? {}, [...base, 'spec']),
    ...validateStatus(service, base),
  ],
  complete: ({ status, ...service }) => ({
    ...service,
    spec: completeSpec(service.spec ?? {}),
    ...(status === undefined ? {} : { status: completeStatus(status) }),
  }),
};

function completeSpec(service: Spec): Spec {
  const { sessionAffinityConfig, ...rest } = service;
  const type = service.type || 'ClusterIP';
  const affinity = service.sessionAffinity || 'None';
  const { clusterIP = '', clusterIPs = [] } = service;
  return {
    ...rest,
    type,
    ...(service.ports === undefined ? {} : { ports: service.ports.map(completePort) }),
    sessionAffinity: affinity,
    ...(affinity === 'ClientIP' ? { sessionAffinityConfig: completeAffinity(sessionAffinityConfig) } : {}),
    ...(clusterIP === '' || clusterIPs.length > 0 ? {} : { clusterIPs: [clusterIP] }),
    ...(isExternallyAccessible(service) ? { externalTrafficPolicy: service.externalTrafficPolicy || 'Cluster' } : {}),
    ...(type === 'LoadBalancer'
      ? { allocateLoadBalancerNodePorts: service.allocateLoadBalancerNodePorts ?? true }
      : {}),
    ...(type === 'ExternalName' ? {} : { internalTrafficPolicy: service.internalTrafficPolicy || 'Cluster' }),
  };
}

function completePort(one: Port): Port {
  return { ...one, protocol: one.protocol || 'TCP', targetPort: one.targetPort || one.port };
}

function completeAffinity(config: Spec['sessionAffinityConfig']): NonNullable<Spec['sessionAffinityConfig']> {
  return { clientIP: { timeoutSeconds: config?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS } };
}

/** RFC 1035 label: a Service's name becomes a host name and the beginning of environment variables. */
function serviceName(name: string): string | undefined {
  return name.length <= 63 && (name === '' || NAME.test(name))
    ? undefined
    : "must be an RFC 1035 label: at most 63 of a-z, 0-9 and '-', beginning with a letter and ending with a letter or digit";
}

function validateSpec(service: Spec, path: FieldPath): readonly FieldProblem[] {
  const { selector = {}, externalIPs = [] } = service;
  return [
    ...(service.type ? oneOf(service.type, TYPES, [...path, 'type']) : []),
    ...validatePorts(service, [...path, 'ports']),
    ...validateClusterIps(service, path),
    ...validateExternalName(service, [...path, 'externalName']),
    ...Object.entries(selector).flatMap(([key, value]) => [
      ...check(key, qualifiedName, [...path, 'selector']),
      ...check(value, labelValue, [...path, 'selector', { key }]),
    ]),
    ...externalIPs.flatMap((address, index) =>
      validateEndpointAddress(address, 'any', [...path, 'externalIPs', index]),
    ),
    ...validateTraffic(service, path),
  ];
}

function validateExternalName({ type, externalName }: Spec, path: FieldPath): readonly FieldProblem[] {
  if (type !== 'ExternalName') return [];
  // A final dot is the form of a name that is complete.
  return externalName ? check(externalName.replace(/\.$/, ''), dns1123Subdomain, path, externalName) : [required(path)];
}
