import { ApiUnavailableError, isAlreadyExists, isNotFound } from '../../api/errors.ts';
import { type ApiClient, type ApiObject, resources } from '../../api/types.ts';
import type { Clock } from '../../clock.ts';
import { timestamp } from '../../pods/container-status.ts';
import { type Round, uncounted } from '../../round.ts';
import { createWakeup } from '../../wakeup.ts';
import { type ConditionFact, type NodeCondition, withTimes } from './conditions.ts';
import { type NodeIdentity, type NodeStatus, type NodeStatusFacts, renderNode, renderNodeStatus } from './render.ts';
import { adoptionPatch, mustReport, nodeStatusPatch, withForeignResources } from './status-plan.ts';

export interface RegistrationOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  readonly identity: NodeIdentity;
  /** `registerNode` of the kubelet's configuration: without it somebody else makes the Node. */
  readonly register: boolean;
  readonly facts: (signal: AbortSignal) => Promise<NodeStatusFacts>;
  readonly conditions: () => readonly ConditionFact[];
  /** The kubelet's `nodeStatusUpdateFrequency` and `nodeStatusReportFrequency`. */
  readonly updateMs: number;
  readonly reportMs: number;
  /** Counts a round. */
  readonly round?: Round;
  /** Is told the Node as the server has it, each time that it is read. */
  readonly onNode: (node: ApiObject) => void;
}

export interface NodeRegistration {
  /** Something that the status tells has changed: look now. */
  wake(): void;
  /** UID of the Node; undefined before it is known. */
  uid(): string | undefined;
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Keeps this node's Node: registers it, and tells its status when that changes and every `reportMs` at the least (kubelet:
 * `registerWithAPIServer` and `syncNodeStatus`, pkg/kubelet/kubelet_node_status.go).
 */
export function createNodeRegistration(options: RegistrationOptions): NodeRegistration {
  const { client, clock, log, identity, round = uncounted } = options;
  const path = { name: identity.name };
  const wakeup = createWakeup(clock);
  let node: ApiObject | undefined;
  let reportedAt = 0;

  const take = (next: ApiObject): ApiObject => {
    node = next;
    options.onNode(next);
    return next;
  };

  const statusOf = async (signal: AbortSignal): Promise<NodeStatus> => {
    const before = (node?.['status'] as NodeStatus | undefined)?.conditions ?? [];
    const conditions: readonly NodeCondition[] = withTimes(options.conditions(), before, timestamp(clock.now()));
    return renderNodeStatus(await options.facts(signal), conditions);
  };

  const register = async (signal: AbortSignal): Promise<ApiObject> => {
    if (!options.register) return take(await client.get(resources.nodes, path, signal));
    try {
      const created = await client.create(resources.nodes, {}, renderNode(identity, await statusOf(signal)), signal);
      log.info({ node: identity.name }, 'node is registered');
      return take(created);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return adopt(take(await client.get(resources.nodes, path, signal)), signal);
    }
  };

  const adopt = async (existing: ApiObject, signal: AbortSignal): Promise<ApiObject> => {
    const body = adoptionPatch(identity.labels, existing.metadata.labels);
    log.info({ node: identity.name }, 'node was registered before');
    if (body === undefined) return existing;
    const patch = { type: 'application/strategic-merge-patch+json', body } as const;
    return take(await client.patch(resources.nodes, path, patch, signal));
  };

  const report = async (signal: AbortSignal): Promise<void> => {
    const current = node ?? (await register(signal));
    const before = current['status'] as NodeStatus | undefined;
    const next = withForeignResources(await statusOf(signal), before);
    if (!mustReport(before, next, clock.now() - reportedAt, options.reportMs)) return;
    const body = nodeStatusPatch(before, next);
    const patch = { type: 'application/strategic-merge-patch+json', body } as const;
    take(await client.patch(resources.nodes, { ...path, subresource: 'status' }, patch, signal));
    reportedAt = clock.now();
  };

  return {
    wake: () => wakeup.wake(),
    uid: () => node?.metadata.uid,
    run: async (signal) => {
      await Promise.all([follow(signal), keepReporting(signal)]);
    },
  };

  /** Others write to the Node too: labels, podCIDRs, conditions. */
  async function follow(signal: AbortSignal): Promise<void> {
    const handler = {
      listed: ([found]: readonly ApiObject[]): void => {
        if (found !== undefined) take(found);
      },
      applied: take,
      deleted: (): void => {
        node = undefined;
        wakeup.wake();
      },
    };
    await client.follow(resources.nodes, { fieldSelector: `metadata.name=${identity.name}` }, handler, signal);
  }

  async function keepReporting(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        await round(() => report(signal));
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (isNotFound(error)) node = undefined;
        // Told once; its end shows in the Node. That the server is away is told by who follows the pods.
        if (failures === 0 && !(error instanceof ApiUnavailableError))
          log.warn({ err: error }, 'the Node cannot be brought up to date, will retry');
        failures += 1;
      }
      const pauseMs = failures === 0 ? options.updateMs : Math.min(options.updateMs, 200 * 2 ** failures);
      await wakeup.sleep(pauseMs, signal).catch(() => undefined);
    }
  }
}
