import type { Shape } from './schema.ts';

/*
 * The fields of the security contexts of a v1 pod and of its containers (Kubernetes 1.36, `k8s.io/api/core/v1/types.go`).
 */

const seccompOrAppArmor: Shape = { fields: { type: 'string', localhostProfile: 'string' } };

/** What a pod and a container can both say. */
const common: Readonly<Record<string, Shape>> = {
  appArmorProfile: seccompOrAppArmor,
  runAsGroup: 'integer',
  runAsNonRoot: 'boolean',
  runAsUser: 'integer',
  seLinuxOptions: { fields: { user: 'string', role: 'string', type: 'string', level: 'string' } },
  seccompProfile: seccompOrAppArmor,
  windowsOptions: {
    fields: {
      gmsaCredentialSpec: 'string',
      gmsaCredentialSpecName: 'string',
      hostProcess: 'boolean',
      runAsUserName: 'string',
    },
  },
};

export const podSecurityShape: Shape = {
  fields: {
    ...common,
    fsGroup: 'integer',
    fsGroupChangePolicy: 'string',
    seLinuxChangePolicy: 'string',
    supplementalGroups: { list: 'integer' },
    supplementalGroupsPolicy: 'string',
    sysctls: { list: { fields: { name: 'string', value: 'string' } } },
  },
};

export const containerSecurityShape: Shape = {
  fields: {
    ...common,
    allowPrivilegeEscalation: 'boolean',
    capabilities: { fields: { add: { list: 'string' }, drop: { list: 'string' } } },
    privileged: 'boolean',
    procMount: 'string',
    readOnlyRootFilesystem: 'boolean',
  },
};
