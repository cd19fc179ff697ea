export type {
  Container,
  ContainerPort,
  ContainerStatus,
  EnvVar,
  Pod,
  PodCondition,
  PodMetadata,
  PodSpec,
  PodStatus,
  Volume,
  VolumeMount,
} from './types.ts';
export { podKey } from './types.ts';
export { decodeManifest, MAX_MANIFEST_BYTES, type DecodedManifest, type ManifestProblem } from './decode.ts';
export { defaultPod } from './defaults.ts';
export { expandContainer, expandVariables, type ExpandedContainer } from './expand.ts';
export { formatPath, type FieldPath } from './field-path.ts';
export type { JsonObject, JsonValue } from './json.ts';
export { loadDocuments, loadManifest, type LoadedManifest, type LoadedPod, type ManifestOrigin } from './manifest.ts';
export { containerResources, podResources, qosClass, type QosClass, type Resources } from './qos.ts';
export { milliValue, parseQuantity, unitValue, type Quantity } from './quantity.ts';
export { CONFIG_HASH, CONFIG_MIRROR, CONFIG_SEEN, CONFIG_SOURCE, toStaticPod } from './static-pod.ts';
export { validatePod } from './validate-pod.ts';
