import { z } from 'zod';
import { duration, ignored, object, string, stringMap, strings } from '../config/fields.ts';
import { formatPath } from '../objects/field-path.ts';
import { parseYaml, type YamlDocument } from '../objects/yaml.ts';
import { JoinError } from './error.ts';

/* What the kinds of kubeadm's configuration file have in common (`cmd/kubeadm/app/apis/kubeadm/v1beta4`). */

const taint = z.strictObject({
  key: z.string(),
  value: string,
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
  timeAdded: ignored,
});

export const timeouts = object({
  controlPlaneComponentHealthCheck: duration,
  kubeletHealthCheck: duration,
  kubernetesAPICall: duration,
  etcdAPICall: duration,
  tlsBootstrap: duration,
  discovery: duration,
  upgradeManifests: duration,
});

/** A map up to v1beta3, a list from v1beta4 on. */
export const extraArgs = z
  .union([
    stringMap.transform((args) => Object.entries(args ?? {}).map(([name, value]) => ({ name, value }))),
    z.array(z.strictObject({ name: z.string(), value: z.string() })),
  ])
  .optional();

/** Fields of `nodeRegistration`, apart from the one that a join has no use for. */
export const nodeRegistration = {
  name: string,
  criSocket: string,
  taints: z.array(taint).nullable().optional(),
  kubeletExtraArgs: extraArgs,
  ignorePreflightErrors: strings,
  imagePullSerial: ignored,
};

/** The documents of a configuration file of kubeadm, by what they are. @throws JoinError with all that is no YAML */
export function readDocuments(
  origin: string,
  text: string,
): readonly { readonly kind: unknown; readonly document: YamlDocument }[] {
  const documents = parseYaml(text).filter(({ value }) => value !== null);
  const broken = documents.flatMap(({ problems, value }) => (value === undefined ? problems : []));
  if (broken.length > 0) throw problemsOf(broken.map(({ line, message }) => `${origin}:${line}: ${message}`));
  return documents.map((document) => ({ kind: (document.value as { readonly kind?: unknown }).kind, document }));
}

/** @throws JoinError with all that is wrong */
export function checkDocument<T>(schema: z.ZodType<T>, origin: string, document: YamlDocument): T {
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return parsed.data;
  throw problemsOf(
    parsed.error.issues.map(({ path, message }) => {
      const steps = path.map((step) => (typeof step === 'symbol' ? String(step) : step));
      return `${origin}:${document.lineOf(steps)}: ${formatPath(steps)}: ${message}`;
    }),
  );
}

function problemsOf(lines: readonly string[]): JoinError {
  return new JoinError(lines.join('\n'));
}
