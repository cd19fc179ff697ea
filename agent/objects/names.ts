/*
 * Syntax of names, as apimachinery's `util/validation` and `api/validation` define it. Each check returns what the
 * value must be, or undefined when it is that.
 */

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const PORT_NAME = /^[-a-z0-9]+$/;
const ENV_NAME = /^[ -<>-~]+$/;
const DATA_KEY = /^[-._a-zA-Z0-9]+$/;
const HEADER = /^[-A-Za-z0-9]+$/;
const SEARCH = /^[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?(\.[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?)*\.?$/;
const SYSCTL = /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/;
const UID = /^[A-Za-z0-9][-A-Za-z0-9_.]*$/;

type Check = (value: string) => string | undefined;

/** RFC 1123 label: namespaces, containers, volumes. */
export const dns1123Label: Check = (value) =>
  value.length <= 63 && LABEL.test(value)
    ? undefined
    : "must be a lowercase RFC 1123 label: at most 63 of a-z, 0-9 and '-', with a letter or digit at both ends";

/** RFC 1123 subdomain: pods and most other objects. */
export const dns1123Subdomain: Check = (value) =>
  value.length <= 253 && SUBDOMAIN.test(value)
    ? undefined
    : "must be a lowercase RFC 1123 subdomain: at most 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends of every part";

/** `[prefix/]name`: keys of labels, and of annotations in lower case. */
export const qualifiedName: Check = (value) => {
  const [name, prefix, ...rest] = value.split('/').reverse();
  const nameOk = name !== undefined && name.length <= 63 && QUALIFIED.test(name);
  const prefixOk = prefix === undefined || dns1123Subdomain(prefix) === undefined;
  return nameOk && prefixOk && rest.length === 0
    ? undefined
    : "must be a name of at most 63 of letters, digits, '-', '_' and '.', with a letter or digit at both ends, and may have a DNS subdomain and '/' before it";
};

export const labelValue: Check = (value) =>
  value.length <= 63 && LABEL_VALUE.test(value)
    ? undefined
    : "must be empty or at most 63 of letters, digits, '-', '_' and '.', with a letter or digit at both ends";

/** IANA service name (RFC 6335): names of ports. */
export const portName: Check = (value) =>
  value.length <= 15 && PORT_NAME.test(value) && /[a-z]/.test(value) && !/^-|--|-$/.test(value)
    ? undefined
    : "must be at most 15 of a-z, 0-9 and '-', with at least one letter, and no '-' at an end or beside another";

/** Name of an environment variable: any printable ASCII but `=` (KEP-4369, stable since 1.34). */
export const envName: Check = (value) =>
  ENV_NAME.test(value) ? undefined : "must be printable ASCII characters other than '='";

/** Key of a ConfigMap or Secret, which becomes a file name. */
export const configMapKey: Check = (value) =>
  value.length <= 253 && DATA_KEY.test(value) && value !== '.' && !value.startsWith('..')
    ? undefined
    : "must be at most 253 of letters, digits, '-', '_' and '.', and not '.' or beginning with '..'";

/** Name of an HTTP header, as probes and hooks send it. */
export const httpHeader: Check = (value) =>
  HEADER.test(value) ? undefined : "must be letters, digits and '-', such as X-Header-Name";

/** Search domain of a resolver: a subdomain in which '_' may be, with or without a dot at its end, or the root alone. */
export const searchDomain: Check = (value) =>
  value === '.' || (value.length <= 254 && SEARCH.test(value))
    ? undefined
    : "must be a lowercase RFC 1123 subdomain, in which '_' may be, at most 253 long";

/** Name of a kernel parameter, with '.' or '/' between its parts. */
export const sysctlName: Check = (value) =>
  value.length <= 253 && SYSCTL.test(value)
    ? undefined
    : "must be at most 253 of a-z, 0-9, '-', '_', and '.' or '/' between parts that begin and end with a letter or digit";

/** UIDs become directory and container names: nothing that could leave a directory. */
export const uid: Check = (value) =>
  value.length <= 128 && UID.test(value) && !value.includes('..')
    ? undefined
    : "must be at most 128 of letters, digits, '-', '_' and '.', without '..', beginning with a letter or digit";
