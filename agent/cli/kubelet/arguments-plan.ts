import { type Flags, kubeletFieldFlags, kubeletFlags } from '../../config/index.ts';

/** What a command line of the kubelet asks for. */
export interface KubeletArguments {
  readonly flags: Flags;
  /** With it the kubeconfig is had from the cluster where it is not there. */
  readonly bootstrapKubeconfig: string | undefined;
  readonly asks: 'run' | 'version' | 'raw-version' | 'help';
  readonly warnings: readonly string[];
}

/** The command line is none of the kubelet's. */
export class KubeletFlagError extends Error {
  override readonly name = 'KubeletFlagError';
}

/** Flags of `podwright run` beside those of {@link kubeletFlags}: the kubelet's, dockershim's, and podwright's own. */
const shared = new Set([
  ...['config', 'root-dir', 'hostname-override', 'kubeconfig', 'node-ip', 'node-labels', 'logging-format', 'v'],
  ...['pod-infra-container-image', 'image-credential-provider-config', 'image-credential-provider-bin-dir'],
  ...['cni-conf-dir', 'cni-bin-dir', 'cni-cache-dir'],
  ...['manifests', 'docker-host', 'socket', 'proxy-mode'],
  ...Object.values(kubeletFlags).map(({ usage }) => usage.slice(2).split(' ')[0] ?? ''),
]);

/** Of the shared ones, and of those without effect, flags that may stand without a value. */
const booleans = new Set([
  ...['register-node', 'serialize-image-pulls', 'help', 'version', 'log-cadvisor-usage', 'keep-terminated-pod-volumes'],
  ...['log-json-split-stream', 'log-text-split-stream', 'experimental-allocatable-ignore-eviction'],
]);

/** Known to the kubelet; nothing that pods could notice hangs on them here. */
const withoutEffect = new Set([
  ...['cert-dir', 'log-flush-frequency', 'log-json-info-buffer-size', 'log-json-split-stream'],
  ...['log-text-info-buffer-size', 'log-text-split-stream', 'vmodule', 'log-cadvisor-usage', 'runtime-cgroups'],
  ...['minimum-container-ttl-duration', 'maximum-dead-containers', 'maximum-dead-containers-per-container'],
  ...['keep-terminated-pod-volumes', 'experimental-allocatable-ignore-eviction', 'cloud-provider', 'cloud-config'],
  ...['housekeeping-interval', 'global-housekeeping-interval', 'manifest-url-header', 'reserved-memory'],
  ...['container-runtime', 'image-pull-progress-deadline', 'network-plugin-mtu'], // up to 1.23 and 1.26
]);

/** Known to the kubelet; a node that went on without them would be another one than was asked for. */
const refused = new Set([
  'config-dir',
  'lock-file',
  'exit-on-lock-contention',
  'runonce',
  'node-status-report-frequency',
]);

/**
 * Reads a command line of the kubelet (`cmd/kubelet/app/options`): `--name=value`, `--name value`, booleans alone, `_` for `-`.
 *
 * Beside today's, those that ended with dockershim in 1.24 are known.
 *
 * @throws KubeletFlagError for a flag that no kubelet has, and for one that podwright cannot follow
 */
export function readKubeletArguments(words: readonly string[]): KubeletArguments {
  const values: Record<string, string> = {};
  const kubelet: Record<string, string> = {};
  const warnings: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const { name, value } = splitFlag(words[at] ?? '');
    const isAlone = isBoolean(name);
    if (refused.has(name)) throw new KubeletFlagError(`--${name} is not supported by podwright`);
    if (!isKnown(name)) throw new KubeletFlagError(`unknown flag: --${name}`);
    const text = value ?? (isAlone ? 'true' : words[(at += 1)]);
    if (text === undefined) throw new KubeletFlagError(`flag needs an argument: --${name}`);
    if (name === 'network-plugin') requireCni(text);
    else if (kubeletFieldFlags.has(name)) kubelet[name] = text;
    else if (withoutEffect.has(name)) warnings.push(`--${name} has no effect in podwright`);
    else values[name === 'docker-endpoint' ? 'docker-host' : name] = text;
  }
  const { help, version, 'bootstrap-kubeconfig': bootstrapKubeconfig, ...rest } = values;
  const flags = Object.fromEntries(Object.entries(rest).map(([name, text]) => [camelCase(name), text]));
  return { flags: { ...flags, kubelet }, bootstrapKubeconfig, asks: askedBy(help, version), warnings };
}

const isBoolean = (name: string): boolean => booleans.has(name) || kubeletFieldFlags.get(name)?.isBoolean === true;

const isKnown = (name: string): boolean =>
  shared.has(name) || own.has(name) || withoutEffect.has(name) || kubeletFieldFlags.has(name);

const own = new Set(['help', 'version', 'bootstrap-kubeconfig', 'network-plugin', 'docker-endpoint']);

/** Flags that {@link readKubeletArguments} knows and `podwright run` does not show, as commander writes them. */
export const hiddenFlags: readonly string[] = [...own, ...withoutEffect, ...kubeletFieldFlags.keys(), ...refused]
  .filter((name) => name !== 'help' && name !== 'version')
  .map((name) => `--${name} ${isBoolean(name) ? '[value]' : '<value>'}`);

/** Nodes that kubeadm made up to 1.23 have `--network-plugin=cni` in their kubeadm-flags.env. */
function requireCni(plugin: string): void {
  if (plugin === 'cni') return;
  throw new KubeletFlagError(
    `--network-plugin=${plugin} is not supported by podwright: pods have their network by CNI`,
  );
}

function askedBy(help: string | undefined, version: string | undefined): KubeletArguments['asks'] {
  if (help === 'true') return 'help';
  if (version === 'raw') return 'raw-version';
  return version === undefined || version === 'false' ? 'run' : 'version';
}

function splitFlag(word: string): { readonly name: string; readonly value: string | undefined } {
  const short = { '-v': '--v', '-h': '--help' }[word.slice(0, 2)];
  const long = short !== undefined && !word.startsWith('--') ? short + word.slice(2) : word;
  const [, name, value] = /^--([a-zA-Z][\w.-]*)(?:=(.*))?$/s.exec(long) ?? [];
  if (name === undefined) throw new KubeletFlagError(`unknown command ${JSON.stringify(word)}`);
  return { name: name.replaceAll('_', '-'), value };
}

const camelCase = (name: string): string => name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
