import { containerSecurityShape } from './schema-security.ts';
import { fieldRefShape, resourceFieldRefShape } from './schema-volume.ts';
import type { Shape } from './schema.ts';

/*
 * The fields of v1 containers: app, init and ephemeral ones (Kubernetes 1.36, `k8s.io/api/core/v1/types.go`).
 */

const strings: Shape = { list: 'string' };

/** Requests, limits and claims, of a container or of a whole pod. */
export const resourcesShape: Shape = {
  fields: {
    limits: { map: 'quantity' },
    requests: { map: 'quantity' },
    claims: { list: { fields: { name: 'string', request: 'string' } } },
  },
};

const keySelector: Shape = { fields: { name: 'string', key: 'string', optional: 'boolean' } };

const env: Shape = {
  fields: {
    name: 'string',
    value: 'string',
    valueFrom: {
      fields: {
        configMapKeyRef: keySelector,
        fieldRef: fieldRefShape,
        fileKeyRef: { fields: { volumeName: 'string', path: 'string', key: 'string', optional: 'boolean' } },
        resourceFieldRef: resourceFieldRefShape,
        secretKeyRef: keySelector,
      },
    },
  },
};

const envSource: Shape = { fields: { name: 'string', optional: 'boolean' } };
const envFrom: Shape = { fields: { prefix: 'string', configMapRef: envSource, secretRef: envSource } };

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

const exec: Shape = { fields: { command: strings } };
const httpGet: Shape = {
  fields: {
    host: 'string',
    httpHeaders: { list: { fields: { name: 'string', value: 'string' } } },
    path: 'string',
    port: 'intOrString',
    scheme: 'string',
  },
};
const tcpSocket: Shape = { fields: { host: 'string', port: 'intOrString' } };

const probe: Shape = {
  fields: {
    exec,
    httpGet,
    tcpSocket,
    grpc: { fields: { port: 'integer', service: 'string' } },
    initialDelaySeconds: 'integer',
    timeoutSeconds: 'integer',
    periodSeconds: 'integer',
    successThreshold: 'integer',
    failureThreshold: 'integer',
    terminationGracePeriodSeconds: 'integer',
  },
};

const hook: Shape = { fields: { exec, httpGet, tcpSocket, sleep: { fields: { seconds: 'integer' } } } };

const restartRule: Shape = {
  fields: { action: 'string', exitCodes: { fields: { operator: 'string', values: { list: 'integer' } } } },
};

const containerFields: Readonly<Record<string, Shape>> = {
  name: 'string',
  image: 'string',
  imagePullPolicy: 'string',
  command: strings,
  args: strings,
  workingDir: 'string',
  env: { list: env },
  envFrom: { list: envFrom },
  ports: { list: port },
  resources: resourcesShape,
  resizePolicy: { list: { fields: { resourceName: 'string', restartPolicy: 'string' } } },
  restartPolicy: 'string',
  restartPolicyRules: { list: restartRule },
  volumeMounts: { list: volumeMount },
  volumeDevices: { list: { fields: { name: 'string', devicePath: 'string' } } },
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: { fields: { postStart: hook, preStop: hook, stopSignal: 'string' } },
  securityContext: containerSecurityShape,
  stdin: 'boolean',
  stdinOnce: 'boolean',
  tty: 'boolean',
  terminationMessagePath: 'string',
  terminationMessagePolicy: 'string',
};

export const containerShape: Shape = { fields: containerFields };
export const ephemeralContainerShape: Shape = { fields: { ...containerFields, targetContainerName: 'string' } };
