import type { z } from 'zod';
import { type FieldPath, formatPath } from '../objects/field-path.ts';
import { parseYaml, type YamlDocument } from '../objects/yaml.ts';
import type { ConfigProblem } from './error.ts';
import { type KubeProxyConfiguration, kubeProxySchema } from './kube-proxy-schema.ts';
import { type KubeletConfiguration, kubeletSchema } from './kubelet-schema.ts';
import { type PodwrightConfiguration, podwrightSchema } from './podwright-schema.ts';

const schemas = {
  KubeletConfiguration: kubeletSchema,
  KubeProxyConfiguration: kubeProxySchema,
  PodwrightConfiguration: podwrightSchema,
} as const;

export type Kind = keyof typeof schemas;

/** The documents of a configuration file; each may be missing. */
export interface ConfigFile {
  readonly kubelet: Partial<KubeletConfiguration>;
  readonly kubeProxy: KubeProxyConfiguration | undefined;
  readonly podwright: Partial<PodwrightConfiguration>;
  /** All that is wrong; documents with problems are left out above. */
  readonly problems: readonly ConfigProblem[];
  /** 1-based line of a field; undefined when the file has no such document. */
  readonly lineOf: (kind: Kind, path: FieldPath) => number | undefined;
}

interface Found {
  readonly document: YamlDocument;
  /** Undefined when it has problems. */
  readonly value: object | undefined;
}

/** What a daemon without a configuration file has. */
export const noConfigFile: ConfigFile = parseConfigFile('', '');

/** Reads a configuration file of one to three YAML documents. Never throws. */
export function parseConfigFile(origin: string, text: string): ConfigFile {
  const problems: ConfigProblem[] = [];
  const found = new Map<Kind, Found>();
  for (const document of parseYaml(text)) {
    if (document.value === null) continue; // Nothing but comments between two `---`.
    problems.push(...document.problems.map(({ line, message }) => ({ origin, line, message })));
    if (document.value !== undefined) problems.push(...read(origin, document, found));
  }
  return {
    kubelet: found.get('KubeletConfiguration')?.value ?? {},
    kubeProxy: found.get('KubeProxyConfiguration')?.value as KubeProxyConfiguration | undefined,
    podwright: found.get('PodwrightConfiguration')?.value ?? {},
    problems,
    lineOf: (kind, path) => found.get(kind)?.document.lineOf(path),
  };
}

function read(origin: string, document: YamlDocument, found: Map<Kind, Found>): ConfigProblem[] {
  const { line, value } = document;
  const kind = kindOf(value);
  if (kind === undefined) {
    const kinds = Object.keys(schemas).join(', ');
    return [{ origin, line: document.lineOf(['kind']), path: 'kind', message: `must be one of ${kinds}` }];
  }
  if (found.has(kind)) return [{ origin, line, path: 'kind', message: `a second ${kind}: there may be one` }];
  const parsed = schemas[kind].safeParse(value);
  found.set(kind, { document, value: parsed.data });
  return parsed.success ? [] : parsed.error.issues.flatMap((issue) => toProblems(origin, document, issue));
}

function kindOf(value: unknown): Kind | undefined {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  return typeof kind === 'string' && Object.hasOwn(schemas, kind) ? (kind as Kind) : undefined;
}

function toProblems(origin: string, document: YamlDocument, issue: z.core.$ZodIssue): ConfigProblem[] {
  const at = (path: FieldPath, message: string): ConfigProblem => ({
    origin,
    line: document.lineOf(path),
    path: formatPath(path),
    message,
  });
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => at([...path, key], 'unknown field'));
  return [at(path, issue.message)];
}
