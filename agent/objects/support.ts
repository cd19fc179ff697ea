import { type FieldPath, formatPath } from './field-path.ts';
import type { FieldProblem } from './field-problem.ts';
import { field, isJsonList, isJsonObject, type JsonValue } from './json.ts';
import { OTHER_VOLUME_SOURCES } from './pod-schema.ts';
import type { Pod } from './types.ts';

/*
 * What this version does not act on although the outcome depends on it. A pod that needs such a field is refused rather than run
 * otherwise than it says. A feature that is built deletes its row here.
 */

/** Resources whose requests and limits are applied; `hugepages-` stands for those of every page size. */
export const CONTAINER_RESOURCES = ['cpu', 'memory', 'ephemeral-storage', 'hugepages-'] as const;

interface Row {
  /** Field path; `*` stands for every item of a list. */
  readonly at: string;
  /** Values that mean what happens anyhow. Without it: false, and empty text, lists and objects. */
  readonly neutral?: (value: JsonValue) => boolean;
  /** Why it cannot be had. */
  readonly why?: string;
}

/** Volume sources, beside `emptyDir` and `hostPath`, that there is code for. */
const builtSources: ReadonlySet<string> = new Set([
  'configMap',
  'secret',
  'downwardAPI',
  'projected',
  'persistentVolumeClaim',
  'nfs',
  'image',
]);

/** A mirror pod has another UID: also in a cluster the claim would be somebody else's. */
const NO_CLAIM = 'a controller makes its claim, for pods of an API server only; name a claim in persistentVolumeClaim';

const never = (): boolean => false;
const isOneOf =
  (...values: readonly JsonValue[]) =>
  (value: JsonValue): boolean =>
    values.includes(value);

const ROWS: readonly Row[] = [
  ...['overhead', 'resourceClaims', 'runtimeClassName', 'schedulingGates', 'workloadRef'].map((name): Row => ({
    at: `spec.${name}`,
  })),
  ...['initContainers', 'containers', 'ephemeralContainers'].flatMap(containerRows),
  { at: 'spec.volumes.*.projected.sources.*.serviceAccountToken', neutral: never, why: 'needs an API server' },
  { at: 'spec.volumes.*.projected.sources.*.clusterTrustBundle', neutral: never, why: 'needs an API server' },
  { at: 'spec.volumes.*.projected.sources.*.podCertificate', neutral: never, why: 'needs an API server' },
  ...OTHER_VOLUME_SOURCES.filter((source) => !builtSources.has(source)).map((source): Row => ({
    at: `spec.volumes.*.${source}`,
    neutral: never,
    ...(source === 'ephemeral' ? { why: NO_CLAIM } : {}),
  })),
  {
    at: 'spec.volumes.*.emptyDir.medium',
    neutral: (value) => typeof value !== 'string' || !value.startsWith('HugePages'),
  },
];

function containerRows(list: string): readonly Row[] {
  const rows: readonly Row[] = [
    { at: 'resources.claims' },
    { at: 'restartPolicyRules.*.action', neutral: isOneOf('Restart') },
    { at: 'volumeDevices' },
  ];
  return rows.map((row) => ({ ...row, at: `spec.${list}.*.${row.at}` }));
}

/**
 * The rows for pods of an API server, which others have validated and placed. Volumes are not among them: each says for itself that
 * it cannot be had; and an ephemeral container must not keep the others from running.
 */
const SANDBOX_ROWS: readonly Row[] = [
  { at: 'spec.resourceClaims' },
  ...['initContainers', 'containers'].flatMap(containerRows),
];

/** Reports each field of a Pod that this version does not act on. */
export function checkSupport(pod: JsonValue, base: FieldPath): readonly FieldProblem[] {
  return check(ROWS, pod, base);
}

/** Why no sandbox may be made for a pod: it would run otherwise than it says. Undefined when it may. */
export function supportProblem(pod: Pod): string | undefined {
  const [problem] = check(SANDBOX_ROWS, pod as unknown as JsonValue, []);
  return problem === undefined ? undefined : `${formatPath(problem.path)}: ${problem.message}`;
}

function check(rows: readonly Row[], pod: JsonValue, base: FieldPath): readonly FieldProblem[] {
  return rows.flatMap((row) =>
    find(pod, row.at.split('.'), base)
      .filter(({ value }) => !(row.neutral ?? isEmpty)(value))
      .map(({ path }) => report(row, path)),
  );
}

function report(row: Row, path: FieldPath): FieldProblem {
  return {
    path,
    severity: 'error',
    message: row.why === undefined ? 'not supported yet' : `not supported: ${row.why}`,
  };
}

function isEmpty(value: JsonValue): boolean {
  if (isJsonList(value)) return value.length === 0;
  if (isJsonObject(value)) return Object.keys(value).length === 0;
  return value === null || value === false || value === '';
}

interface Found {
  readonly path: FieldPath;
  readonly value: JsonValue;
}

/** Every value at a path with `*` in it. */
function find(value: JsonValue | undefined, steps: readonly string[], path: FieldPath): readonly Found[] {
  const [step, ...rest] = steps;
  if (value === undefined) return [];
  if (step === undefined) return [{ path, value }];
  if (step === '*') {
    return isJsonList(value) ? value.flatMap((item, index) => find(item, rest, [...path, index])) : [];
  }
  return isJsonObject(value) ? find(field(value, step), rest, [...path, step]) : [];
}
