/** The API server: the client, its contract and its credentials. Nobody else knows undici. */
export { createApiClient, type OwnedApiClient } from './client.ts';
export {
  type ApiConnection,
  type KubeconfigConnection,
  kubeconfigReader,
  loadKubeconfig,
  type ReadConnection,
} from './connection.ts';
export * from './errors.ts';
export {
  embedsCertificate,
  type KubeconfigUser,
  parseKubeconfig,
  parseKubeconfigClusters,
} from './kubeconfig-parse.ts';
export { renderKubeconfig } from './kubeconfig-render.ts';
export * from './types.ts';
