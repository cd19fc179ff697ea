import type { ObjectReader, Pod, Secret } from '../objects/types.ts';
import { type Keyring, secretsKeyring } from './credentials-plan.ts';

/** What the `imagePullSecrets` of a pod give. */
export interface PullSecrets {
  readonly keyring: Keyring;
  /** Names of secrets that are not there: no reason not to try (`kubelet_pods.go`, getPullSecretsForPod). */
  readonly missing: readonly string[];
}

export function pullSecretsOf(pod: Pod, objects: ObjectReader): PullSecrets {
  const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) =>
    name === undefined || name === '' ? [] : name,
  );
  const secretOf = (name: string): Secret | undefined => objects.object('Secret', pod.metadata.namespace, name);
  return {
    keyring: secretsKeyring(names.flatMap((name) => secretOf(name) ?? [])),
    missing: names.filter((name) => secretOf(name) === undefined),
  };
}

/** The kubelet's event text for secrets that are not there. */
export function missingSecretsMessage(names: readonly string[]): string {
  return `Unable to retrieve some image pull secrets (${names.join(', ')}); attempting to pull the image may not succeed.`;
}
