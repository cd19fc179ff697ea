import type { JsonObject } from '../../../agent/objects/json.ts';

const httpGet = {
  path: '/ok',
  port: 'http',
  scheme: 'HTTPS',
  host: '192.0.2.1',
  httpHeaders: [{ name: 'A', value: 'b' }],
};

const probe = {
  initialDelaySeconds: 1,
  timeoutSeconds: 2,
  periodSeconds: 3,
  successThreshold: 1,
  failureThreshold: 4,
};

const app: JsonObject = {
  name: 'app',
  image: 'registry/app:1',
  command: ['sh', '-c'],
  args: ['echo $(A)'],
  env: [
    { name: 'A', value: 'b' },
    { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
    { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
    { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a.b', optional: true } } },
    { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'secrets', key: 'token' } } },
    { name: 'FILE', valueFrom: { fileKeyRef: { volumeName: 'data', path: 'a/env', key: 'B', optional: false } } },
  ],
  envFrom: [{ prefix: 'P_', configMapRef: { name: 'settings', optional: true } }, { secretRef: { name: 'secrets' } }],
  ports: [{ name: 'http', containerPort: 80, hostPort: 8080, protocol: 'TCP', hostIP: '127.0.0.1' }],
  resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: 0.25 } },
  resizePolicy: [
    { resourceName: 'cpu', restartPolicy: 'RestartContainer' },
    { resourceName: 'memory', restartPolicy: 'NotRequired' },
  ],
  restartPolicy: 'Never',
  restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
  volumeMounts: [
    { name: 'data', mountPath: '/data', subPath: 'a/b' },
    { name: 'data', mountPath: '/logs', subPathExpr: '$(A)' },
    { name: 'host', mountPath: '/host', readOnly: true, recursiveReadOnly: 'IfPossible', mountPropagation: 'None' },
  ],
  livenessProbe: { ...probe, httpGet, terminationGracePeriodSeconds: 5 },
  readinessProbe: { ...probe, grpc: { port: 81, service: 'health' }, successThreshold: 2 },
  startupProbe: { ...probe, exec: { command: ['true'] } },
  lifecycle: { postStart: { httpGet }, preStop: { sleep: { seconds: 3 } }, stopSignal: 'SIGRTMIN+3' },
  securityContext: {
    runAsUser: 1000,
    runAsGroup: 1000,
    runAsNonRoot: true,
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    procMount: 'Default',
    capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
    seLinuxOptions: { user: 'u', role: 'r', type: 't', level: 's0' },
    seccompProfile: { type: 'Localhost', localhostProfile: 'profiles/a.json' },
    appArmorProfile: { type: 'Localhost', localhostProfile: 'app' },
  },
  stdin: true,
  stdinOnce: true,
  tty: true,
  workingDir: '/',
  imagePullPolicy: 'Always',
  terminationMessagePath: '/dev/end',
  terminationMessagePolicy: 'FallbackToLogsOnError',
};

const volumes: readonly JsonObject[] = [
  { name: 'data', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
  { name: 'host', hostPath: { path: '/srv', type: 'DirectoryOrCreate' } },
  {
    name: 'settings',
    configMap: { name: 'settings', items: [{ key: 'a', path: 'b/c', mode: 0o600 }], defaultMode: 0o400 },
  },
  { name: 'secrets', secret: { secretName: 'secrets', optional: true } },
  {
    name: 'facts',
    downwardAPI: {
      items: [
        { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
        { path: 'cpu', resourceFieldRef: { containerName: 'app', resource: 'requests.cpu', divisor: 1 }, mode: 0o444 },
      ],
    },
  },
  {
    name: 'all',
    projected: {
      sources: [
        { configMap: { name: 'settings', items: [{ key: 'a', path: 'a' }] } },
        { secret: { name: 'secrets', optional: false } },
        { downwardAPI: { items: [{ path: 'uid', fieldRef: { fieldPath: 'metadata.uid' } }] } },
        { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } },
        { clusterTrustBundle: { name: 'roots', path: 'ca.pem', optional: true } },
        { podCertificate: { signerName: 'a.example/b', keyType: 'ED25519', credentialBundlePath: 'bundle.pem' } },
      ],
    },
  },
  { name: 'claim', persistentVolumeClaim: { claimName: 'disk', readOnly: true } },
  { name: 'share', nfs: { server: '192.0.2.7', path: '/export', readOnly: false } },
  { name: 'files', image: { reference: 'registry/files:1', pullPolicy: 'Never' } },
];

/** A valid spec with nearly every field that the API has for Linux. */
export const FULL_SPEC: JsonObject = {
  containers: [app],
  initContainers: [
    { name: 'migrate', image: 'registry/migrate' },
    { name: 'proxy', image: 'registry/proxy:2', restartPolicy: 'Always', startupProbe: { tcpSocket: { port: 15000 } } },
  ],
  ephemeralContainers: [{ name: 'debug', image: 'busybox', targetContainerName: 'app', stdin: true, tty: true }],
  volumes,
  restartPolicy: 'OnFailure',
  terminationGracePeriodSeconds: 5,
  activeDeadlineSeconds: 600,
  os: { name: 'linux' },
  resources: { limits: { cpu: 1, memory: '128Mi' }, requests: { cpu: '500m' } },
  serviceAccountName: 'builder',
  automountServiceAccountToken: false,
  shareProcessNamespace: true,
  enableServiceLinks: false,
  hostNetwork: false,
  hostname: 'a',
  subdomain: 'b',
  setHostnameAsFQDN: true,
  dnsPolicy: 'None',
  dnsConfig: {
    nameservers: ['192.0.2.53', '2001:db8::53'],
    searches: ['example.com', '_srv.example.com.', '.'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  },
  hostAliases: [{ ip: '192.0.2.1', hostnames: ['db', 'db.example.com'] }],
  imagePullSecrets: [{ name: 'registry' }],
  readinessGates: [{ conditionType: 'example.com/balanced' }],
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          {
            matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }],
            matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }],
          },
        ],
      },
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, preference: { matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['4'] }] } },
      ],
    },
  },
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
  priorityClassName: 'system-node-critical',
  preemptionPolicy: 'Never',
  securityContext: {
    runAsUser: 1,
    runAsGroup: 1,
    fsGroup: 1,
    fsGroupChangePolicy: 'OnRootMismatch',
    supplementalGroups: [2, 3],
    supplementalGroupsPolicy: 'Strict',
    seLinuxChangePolicy: 'Recursive',
    seccompProfile: { type: 'RuntimeDefault' },
    appArmorProfile: { type: 'Unconfined' },
    sysctls: [{ name: 'net.ipv4.ip_forward', value: '1' }],
  },
};
