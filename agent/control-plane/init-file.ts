import { z } from 'zod';
import { checkDocument, extraArgs, nodeRegistration, readDocuments, timeouts } from '../bootstrap/kubeadm-file.ts';
import { JoinError } from '../bootstrap/error.ts';
import { boolean, duration, ignored, integer, object, string, strings } from '../config/fields.ts';
import { type Fields, keyAlgorithms } from './settings.ts';

const apiVersion = z.enum(['kubeadm.k8s.io/v1beta3', 'kubeadm.k8s.io/v1beta4']);

const extraVolumes = z
  .array(
    z.strictObject({
      name: z.string(),
      hostPath: z.string(),
      mountPath: z.string(),
      readOnly: z.boolean().default(false),
      pathType: z.string().optional(),
    }),
  )
  .nullable()
  .optional();
const extraEnvs = z
  .array(z.strictObject({ name: z.string(), value: z.string().optional() }))
  .nullable()
  .optional();
const component = { extraArgs, extraVolumes, extraEnvs };
const image = { imageRepository: string, imageTag: string };

/** `kind: ClusterConfiguration` (kubernetes/kubernetes `cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go`). */
const clusterSchema = z.strictObject({
  apiVersion,
  kind: z.literal('ClusterConfiguration'),
  etcd: object({
    local: object({ ...image, dataDir: string, extraArgs, extraEnvs, serverCertSANs: strings, peerCertSANs: strings }),
    external: z.undefined({ error: 'is not supported: etcd runs as a static pod on this node' }).optional(),
  }),
  networking: object({ serviceSubnet: string, podSubnet: string, dnsDomain: string }),
  kubernetesVersion: string,
  controlPlaneEndpoint: string,
  apiServer: object({ ...component, certSANs: strings, timeoutForControlPlane: duration }),
  controllerManager: object(component),
  scheduler: object(component),
  dns: object({ ...image, disabled: boolean }),
  proxy: ignored,
  certificatesDir: string,
  imageRepository: string,
  featureGates: ignored,
  clusterName: string,
  encryptionAlgorithm: z.enum(keyAlgorithms).nullable().optional(),
  certificateValidityPeriod: duration,
  caCertificateValidityPeriod: duration,
});

const bootstrapToken = z.strictObject({
  token: z.string().optional(),
  description: string,
  ttl: duration,
  expires: ignored,
  usages: strings,
  groups: strings,
});

/** `kind: InitConfiguration`, the same file. */
const initSchema = z.strictObject({
  apiVersion,
  kind: z.literal('InitConfiguration'),
  bootstrapTokens: z.array(bootstrapToken).nullable().optional(),
  dryRun: boolean,
  nodeRegistration: object({ ...nodeRegistration, imagePullPolicy: string }),
  localAPIEndpoint: object({ advertiseAddress: string, bindPort: integer }),
  certificateKey: ignored,
  skipPhases: strings,
  patches: ignored,
  timeouts,
});

export type ClusterFile = z.infer<typeof clusterSchema>;
export type InitDocument = z.infer<typeof initSchema>;

export interface InitFile {
  readonly cluster: ClusterFile | undefined;
  readonly init: InitDocument | undefined;
  readonly kubelet: Fields;
  readonly kubeProxy: Fields;
}

/**
 * The documents of a configuration file of kubeadm that a new control plane is made from; each may be missing.
 *
 * @throws JoinError with all that is wrong
 */
export function parseInitFile(origin: string, text: string): InitFile {
  const documents = readDocuments(origin, text);
  const one = (kind: string) => {
    const [first, second] = documents.filter((each) => each.kind === kind);
    if (second !== undefined)
      throw new JoinError(`${origin}:${second.document.line}: a second ${kind}: there may be one`);
    return first?.document;
  };
  const [cluster, init] = [one('ClusterConfiguration'), one('InitConfiguration')];
  return {
    cluster: cluster === undefined ? undefined : checkDocument(clusterSchema, origin, cluster),
    init: init === undefined ? undefined : checkDocument(initSchema, origin, init),
    kubelet: (one('KubeletConfiguration')?.value ?? {}) as Fields,
    kubeProxy: (one('KubeProxyConfiguration')?.value ?? {}) as Fields,
  };
}
