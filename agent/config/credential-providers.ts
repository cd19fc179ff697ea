import { z } from 'zod';
import { parseImagePattern } from '../images/image-pattern.ts';
import { type FieldPath, formatPath } from '../objects/field-path.ts';
import { parseYaml, type YamlDocument } from '../objects/yaml.ts';
import type { ConfigProblem } from './error.ts';
import { boolean, duration, oneOf, strings } from './fields.ts';

/** A program that knows credentials for some images (KEP-2133). */
export interface CredentialProvider {
  /** File name in the directory of the plugins. */
  readonly name: string;
  /** Patterns of the images that it is asked about. */
  readonly matchImages: readonly string[];
  /** For answers that do not say how long they hold. */
  readonly defaultCacheMs: number;
  /** Version of the request and of the answer. */
  readonly apiVersion: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** It works with tokens of service accounts only, which need an API server: it is never asked. */
  readonly needsServiceAccount: boolean;
}

export interface CredentialProviders {
  readonly binDir: string;
  readonly providers: readonly CredentialProvider[];
}

const versions = ['v1', 'v1beta1', 'v1alpha1'] as const;
const configVersions = versions.map((version) => `kubelet.config.k8s.io/${version}`);
const requestVersions = versions.map((version) => `credentialprovider.kubelet.k8s.io/${version}`);

const badName = /[/ ]|^\.{1,2}$/;

const providerSchema = z.strictObject({
  name: z.string().refine((name) => name !== '' && !badName.test(name), {
    error: 'must be the name of a file: without slash and space, and neither . nor ..',
  }),
  matchImages: z
    .array(
      z.string().refine((pattern) => parseImagePattern(pattern) !== undefined, {
        error: 'must be a pattern such as registry.example.com/team or *.example.com',
      }),
    )
    .min(1),
  defaultCacheDuration: duration.unwrap().unwrap(),
  apiVersion: z.enum(requestVersions),
  args: strings,
  env: z
    .array(z.strictObject({ name: z.string(), value: z.string() }))
    .nullable()
    .optional(),
  tokenAttributes: z
    .strictObject({
      serviceAccountTokenAudience: z.string().min(1),
      cacheType: oneOf(['ServiceAccount', 'Token']),
      requireServiceAccount: boolean.unwrap().unwrap(),
      requiredServiceAccountAnnotationKeys: strings,
      optionalServiceAccountAnnotationKeys: strings,
    })
    .nullable()
    .optional(),
});

/** `kind: CredentialProviderConfig` (kubernetes/kubernetes `staging/src/k8s.io/kubelet/config/v1`). */
const configSchema = z.strictObject({
  apiVersion: z.enum(configVersions),
  kind: z.literal('CredentialProviderConfig'),
  metadata: z.unknown().optional(),
  providers: z.array(providerSchema).min(1),
});

export interface ParsedProviders {
  readonly providers: readonly CredentialProvider[];
  readonly problems: readonly ConfigProblem[];
}

/** Reads the file of `--image-credential-provider-config` by the rules of `pkg/credentialprovider/plugin/config.go`. */
export function parseCredentialProviders(origin: string, text: string): ParsedProviders {
  const documents = parseYaml(text).filter(({ value }) => value !== null);
  const [document, second] = documents;
  if (document === undefined) return failed([{ origin, message: 'holds no CredentialProviderConfig' }]);
  if (second !== undefined)
    return failed([{ origin, line: second.line, message: 'a second document: there may be one' }]);
  if (document.value === undefined) {
    return failed(document.problems.map(({ line, message }) => ({ origin, line, message })));
  }
  const parsed = configSchema.safeParse(document.value);
  if (!parsed.success) return failed(parsed.error.issues.flatMap((issue) => toProblems(origin, document, issue)));
  const { providers } = parsed.data;
  const problems = repeatedNames(providers).map((index) =>
    problemAt(origin, document, ['providers', index, 'name'], 'is a name that an earlier provider has'),
  );
  return { providers: providers.map(toProvider), problems };
}

function failed(problems: readonly ConfigProblem[]): ParsedProviders {
  return { providers: [], problems };
}

function toProvider(provider: z.infer<typeof providerSchema>): CredentialProvider {
  return {
    name: provider.name,
    matchImages: provider.matchImages,
    defaultCacheMs: provider.defaultCacheDuration,
    apiVersion: provider.apiVersion,
    args: provider.args ?? [],
    env: Object.fromEntries((provider.env ?? []).map(({ name, value }) => [name, value])),
    needsServiceAccount: provider.tokenAttributes?.requireServiceAccount ?? false,
  };
}

/** Indexes of providers whose name is taken. */
function repeatedNames(providers: readonly { readonly name: string }[]): readonly number[] {
  const names = providers.map(({ name }) => name);
  return names.flatMap((name, index) => (names.indexOf(name) < index ? [index] : []));
}

function toProblems(origin: string, document: YamlDocument, issue: z.core.$ZodIssue): readonly ConfigProblem[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code !== 'unrecognized_keys') return [problemAt(origin, document, path, issue.message)];
  return issue.keys.map((key) => problemAt(origin, document, [...path, key], 'unknown field'));
}

function problemAt(origin: string, document: YamlDocument, path: FieldPath, message: string): ConfigProblem {
  return { origin, line: document.lineOf(path), path: formatPath(path), message };
}
