/** What a resolver is told (resolv.conf(5)). */
export interface DnsConfig {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  /** `name` or `name:value`. */
  readonly options: readonly string[];
}

/**
 * Reads a resolv.conf as the kubelet does (`pkg/kubelet/network/dns`, parseResolvConf): nameservers add up, of
 * `search` and `options` the last line counts. A search domain loses the dot at its end, so that with and without it
 * are one. Whatever is not understood is passed over, as resolvers do.
 */
export function parseResolvConf(text: string): DnsConfig {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const last = (keyword: string): readonly string[] => lines.findLast(([first]) => first === keyword)?.slice(1) ?? [];
  return {
    nameservers: lines.flatMap(([keyword, address]) =>
      keyword === 'nameserver' && address !== undefined ? [address] : [],
    ),
    searches: last('search').map((domain) => (domain === '.' ? domain : domain.replace(/\.$/, ''))),
    options: last('options'),
  };
}

/** The file of a configuration, in the form that containerd writes. */
export function renderResolvConf({ nameservers, searches, options }: DnsConfig): string {
  return [
    ...(searches.length === 0 ? [] : [`search ${searches.join(' ')}\n`]),
    ...nameservers.map((address) => `nameserver ${address}\n`),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}\n`]),
  ].join('');
}
