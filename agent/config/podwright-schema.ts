import { z } from 'zod';
import { integer, object, oneOf, string, strings } from './fields.ts';

/** `kind: PodwrightConfiguration`: what neither the kubelet nor kube-proxy has a field for. */
export const podwrightSchema = z.strictObject({
  apiVersion: z.literal('podwright.dev/v1alpha1'),
  kind: z.literal('PodwrightConfiguration'),
  dockerHost: string,
  socketPath: string,
  containerLogsDir: string,
  cni: object({ confDir: string, binDirs: strings, cacheDir: string, dataDir: string }),
  /** How the built-in network reaches pods of other nodes; the same on all of them. */
  network: object({ backend: oneOf(['auto', 'host-gw', 'vxlan']) }),
  /** Containers that are started at one time. */
  maxParallelStarts: integer,
  /** As kube-apiserver's `--service-cluster-ip-range` and `--service-node-port-range`, for a node that stands alone. */
  serviceClusterIPRange: string,
  serviceNodePortRange: string,
});

export type PodwrightConfiguration = z.infer<typeof podwrightSchema>;
