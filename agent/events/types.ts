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
   * event with a count, as on a cluster.
   *
   * @param reason CamelCase, the kubelet's word where it has one (`pkg/kubelet/events/event.go`)
   */
  event(object: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
}
