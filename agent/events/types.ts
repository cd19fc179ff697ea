/** What an event is about. */
export interface ObjectReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Part of the object, e.g. `spec.containers{web}`. */
  readonly fieldPath?: string;
}

export interface EventRecorder {
  /**
   * Records that something happened to an object. Repeated events of one object with the same reason and message are one
   * event with a count, and what is too much is combined or left out, as on a cluster.
   *
   * @param reason CamelCase, the kubelet's word where it has one (`pkg/kubelet/events/event.go`)
   */
  event(object: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** A v1 Event, the fields that podwright fills. */
export interface CoreEvent {
  readonly apiVersion: 'v1';
  readonly kind: 'Event';
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly involvedObject: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly fieldPath?: string;
  };
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly source: { readonly component: string; readonly host: string };
  /** RFC 3339, whole seconds. */
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: number;
}

/** Events about one object, or of one namespace; an empty filter is all events. */
export interface EventFilter {
  readonly uid?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export interface EventStore extends EventRecorder {
  /** Oldest first, by their last occurrence. */
  list(filter?: EventFilter): readonly CoreEvent[];
  /** Calls `listener` with each event that happens from now on. Returns what ends that. */
  subscribe(filter: EventFilter, listener: (event: CoreEvent) => void): () => void;
}
