import { ApiUnavailableError, isAlreadyExists, isNotFound } from '../../api/errors.ts';
import { type ApiClient, type ApiObject, type ObjectPath, resources } from '../../api/types.ts';
import type { Clock } from '../../clock.ts';
import { timestamp } from '../../pods/container-status.ts';
import { type Round, uncounted } from '../../round.ts';
import { createWakeup } from '../../wakeup.ts';
import { type ConditionFact, type NodeCondition, withTimes } from './conditions.ts';
import type { KnownNode } from './known-node.ts';
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
  /** Is given the Node, and holds it. */
  readonly known: KnownNode;
}

export interface NodeRegistration {
  /** Something that the status tells has changed: look now. */
  wake(): void;
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Keeps this node's Node: registers it, and tells its status when that changes and every `reportMs` at the least (kubelet:
 * `registerWithAPIServer` and `syncNodeStatus`, pkg/kubelet/kubelet_node_status.go).
 */
export function createNodeRegistration(options: RegistrationOptions): NodeRegistration {
  const { client, clock, log, identity, known, round = uncounted } = options;
  const path = { name: identity.name };
  const wakeup = createWakeup(clock);
  /** Whether the Node has what it registers with: one that an earlier daemon registered may lack it. */
  let isComplete = false;
  let reportedAt = 0;

  const take = (next: ApiObject): ApiObject => {
    known.take(next);
    return next;
  };

  const patch = async (at: ObjectPath, body: object, signal: AbortSignal): Promise<ApiObject> =>
    take(await client.patch(resources.nodes, at, { type: 'application/strategic-merge-patch+json', body }, signal));

  const forget = (): void => {
    known.gone();
    isComplete = false;
  };

  const statusOf = async (signal: AbortSignal): Promise<NodeStatus> => {
    const before = (known.current()?.['status'] as NodeStatus | undefined)?.conditions ?? [];
    const conditions: readonly NodeCondition[] = withTimes(options.conditions(), before, timestamp(clock.now()));
    return renderNodeStatus(await options.facts(signal), conditions);
  };

  const register = async (signal: AbortSignal): Promise<ApiObject> => {
    if (!options.register) return take(await client.get(resources.nodes, path, signal));
    try {
      const created = await client.create(resources.nodes, {}, renderNode(identity, await statusOf(signal)), signal);
      log.info({ node: identity.name }, 'node is registered');
      isComplete = true;
      return take(created);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return take(await client.get(resources.nodes, path, signal));
    }
  };

  const complete = async (existing: ApiObject, signal: AbortSignal): Promise<ApiObject> => {
    if (isComplete || !options.register) return existing;
    const body = adoptionPatch(identity.labels, existing.metadata.labels);
    const completed = body === undefined ? existing : await patch(path, body, signal);
    log.info({ node: identity.name }, 'node was registered before');
    isComplete = true;
    return completed;
  };

  const report = async (signal: AbortSignal): Promise<void> => {
    const current = await complete(known.current() ?? (await register(signal)), signal);
    const before = current['status'] as NodeStatus | undefined;
    const next = withForeignResources(await statusOf(signal), before);
    if (!mustReport(before, next, clock.now() - reportedAt, options.reportMs)) return;
    await patch({ ...path, subresource: 'status' }, nodeStatusPatch(before, next), signal);
    reportedAt = clock.now();
  };

  return {
    wake: () => wakeup.wake(),
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
        forget();
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
        if (isNotFound(error)) forget();
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
