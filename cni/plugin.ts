import type { CniResult, PluginConfig, PortMapping } from './spec/types.ts';
import type { Exec } from './util/exec.ts';
import type { SetSysctl } from './util/sysctl.ts';

/** What a built-in plugin acts through. */
export interface PluginDeps {
  readonly exec: Exec;
  /** Where IPAM keeps its leases, `<dataDir>/<network>/<ip>`, e.g. `/var/lib/cni/networks`. */
  readonly dataDir: string;
  readonly onWarning: (message: string, fields: object) => void;
  /** Default: of the namespace that the process is in. */
  readonly setSysctl?: SetSysctl;
}

/** One attachment as a plugin of the list meets it (spec section 2, "Execution protocol"). */
export interface PluginRequest {
  readonly cniVersion: string;
  /** Name of the network. */
  readonly network: string;
  readonly config: PluginConfig;
  readonly containerId: string;
  /** Path such as `/proc/123/ns/net`; undefined on DEL when the namespace is gone. */
  readonly netns: string | undefined;
  readonly ifName: string;
  readonly pod: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly portMappings: readonly PortMapping[];
  /** Result of the plugin before it in the list (ADD), or of the whole ADD (DEL, CHECK). */
  readonly prevResult: CniResult | undefined;
}

/** A plugin that runs inside the daemon. All verbs may be repeated; they reject with `CniError`. */
export interface BuiltInPlugin {
  add(request: PluginRequest, signal: AbortSignal): Promise<CniResult>;
  /** Succeeds when there is nothing left to remove, also without a namespace and without a `prevResult`. */
  del(request: PluginRequest, signal: AbortSignal): Promise<void>;
  /** Rejects when the attachment is not as `prevResult` says. */
  check(request: PluginRequest, signal: AbortSignal): Promise<void>;
  /** Removes what belongs to attachments other than `valid` (spec 1.1, GC). */
  gc(network: string, config: PluginConfig, valid: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
}

/** Key of an attachment in {@link BuiltInPlugin.gc}. */
export function attachmentKey(containerId: string, ifName: string): string {
  return `${containerId}/${ifName}`;
}
