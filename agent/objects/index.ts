export { objectKey, podKey, type Pod } from './types.ts';
export { decodeManifest, MAX_MANIFEST_BYTES } from './decode.ts';
export { expandContainer, expandVariables } from './expand.ts';
export type { JsonObject } from './json.ts';
export {
  loadDocuments,
  loadManifest,
  type LoadedManifest,
  type LoadedObject,
  type LoadedObjects,
  type LoadedPod,
} from './manifest.ts';
export { containerResources, podResources, qosClass } from './qos.ts';
export { milliValue, parseQuantity, unitValue } from './quantity.ts';
export { dependsOn, objectReferences } from './references.ts';
export { CONFIG_SEEN } from './static-pod.ts';
export { validatePod } from './validate-pod.ts';
