const removed = '<removed>';

/** Text in which a secret is known by its form, and what stands for it. */
const forms: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, removed],
  // JSON web tokens: service account tokens are such.
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, removed],
  // Bootstrap tokens; their first part is public.
  [/\b([a-z0-9]{6})\.[a-z0-9]{16}\b/g, `$1.${removed}`],
  [/\b(bearer|basic)\s+[\w+/=.~-]{8,}/gi, `$1 ${removed}`],
  [/(\w+:\/\/[^/\s:@"']*):[^/\s@"']+@/g, `$1:${removed}@`],
  // Flags and settings: --db-password=x, API_KEY: x.
  [
    /((?:password|passwd|secret|token|api[-_]?key|private[-_]?key|credentials?)[\w-]*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;"']+)/gi,
    `$1${removed}`,
  ],
];

/** Removes what has the form of a secret. */
export function redactText(text: string): string {
  return forms.reduce((now, [form, by]) => now.replaceAll(form, by), text);
}

/** Fields whose text is a secret wherever they stand. */
const secretField = /(password|passwd|secret|token|authorization|api[-_]?key|private[-_]?key|credential)/i;
/** Fields that only name one. */
const naming = /(name|path|file|ref|mount|projected|seconds|selector|keys?)$/i;

/**
 * Removes secrets from objects: the data of Secrets and ConfigMaps, values of environment variables, annotations in which a
 * whole object may stand, fields that are named as a secret is, and texts as {@link redactText} does.
 */
export function redactJson(value: unknown, field = ''): unknown {
  if (typeof value === 'string') return isSecretField(field) && value !== '' ? removed : redactText(value);
  if (Array.isArray(value)) return value.map((one) => redactJson(one, field === 'env' ? 'env' : ''));
  if (typeof value !== 'object' || value === null) return value;
  const isVariable = field === 'env';
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]: [string, unknown]) => {
      const isValue = isVariable && name === 'value' && typeof inner === 'string';
      if (isValue || isContent(value, name) || name === lastApplied) return [name, removed];
      return [name, redactJson(inner, name)];
    }),
  );
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

const isSecretField = (name: string): boolean => secretField.test(name) && !naming.test(name);

function isContent(object: object, name: string): boolean {
  const kind = 'kind' in object ? object.kind : undefined;
  return (kind === 'Secret' || kind === 'ConfigMap') && ['data', 'stringData', 'binaryData'].includes(name);
}
