import type { NodeCondition } from '../../eviction/index.ts';
import type { CoreEvent, EventFilter } from '../../events/types.ts';
import type { PullProgress } from '../../images/progress.ts';
import type { Pod } from '../../objects/types.ts';
import type { ServicesReport } from '../../services/report.ts';
import type { TraceQuestion } from '../../services/trace-plan.ts';
import type { TraceReport } from '../../services/trace-report.ts';
import type { SourceProblem } from '../../sources/types.ts';

/** The node, its runtime and its network at one glance. */
export interface NodeInfo {
  readonly name: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly version: string;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason?: string;
  readonly runtime: {
    readonly name: string;
    readonly version: string;
    readonly reachable: boolean;
    readonly error?: string;
    readonly cgroupDriver?: string;
  };
  readonly network: {
    readonly ready: boolean;
    readonly name: string;
    readonly cidrs: readonly string[];
    readonly reason?: string;
  };
  /** Absent on a node that stands alone. */
  readonly apiServer?: ApiServerInfo;
  /** Memory, disk and process IDs, whether they run short. */
  readonly conditions: readonly NodeCondition[];
  readonly manifestDir: string;
  readonly rootDir: string;
  readonly addresses: readonly string[];
}

/** The API server as this node sees it. */
export interface ApiServerInfo {
  /** Empty before the credentials could be read. */
  readonly url: string;
  readonly reachable: boolean;
  /** Since when it is or is not; RFC 3339. */
  readonly since: string;
  readonly error?: string;
}

/** A pod and what only this node knows of it. */
export interface PodReport {
  /** With its `status` filled. */
  readonly pod: Pod;
  /** The manifest file. */
  readonly origin: string;
  readonly terminating: boolean;
  /** What its manifest says that is not acted on. */
  readonly warnings: readonly SourceProblem[];
  /** Image pulls that its containers wait for; absent without any. */
  readonly pulls?: readonly PullProgress[];
  readonly lastError?: { /** RFC 3339. */ readonly time: string; readonly message: string };
}

/** What the local API shows. Every call answers from memory. */
export interface DaemonState {
  node(): NodeInfo;
  pods(): readonly PodReport[];
  problems(): readonly SourceProblem[];
  events(filter: EventFilter): readonly CoreEvent[];
  services(): ServicesReport;
  /** @throws TraceQuestionError when the question cannot be answered */
  trace(question: TraceQuestion): TraceReport;
}
