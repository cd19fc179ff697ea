import type { CoreEvent } from './types.ts';

/** Longest name of an object. */
const maxName = 253;

/** Where an event lives: what has no namespace, such as a Node, has its events in `default`. */
export function eventNamespace({ involvedObject }: CoreEvent): string {
  return involvedObject.namespace || 'default';
}

/**
 * The Event object that an API server is given, as client-go makes it (`tools/record/event.go`, makeEvent).
 *
 * @param uid of the object for the API: kubectl finds the events of a mirror pod by the hash of its static pod
 */
export function apiEvent(event: CoreEvent, uid: string): object {
  const { involvedObject, type, reason, message, source, firstTimestamp, lastTimestamp, count } = event;
  const { namespace, ...object } = involvedObject;
  return {
    ...{ apiVersion: 'v1', kind: 'Event' },
    metadata: { name: eventName(event), namespace: eventNamespace(event) },
    involvedObject: { apiVersion: 'v1', ...object, ...(namespace === '' ? {} : { namespace }), uid },
    ...{ type, reason, message, source, firstTimestamp, lastTimestamp, count },
    ...{ reportingComponent: source.component, reportingInstance: source.host },
  };
}

/** What changes of an event that has happened once more. */
export function apiEventPatch({ count, message, lastTimestamp }: CoreEvent): object {
  return { count, message, lastTimestamp };
}

/**
 * `<object>.<16 hex digits>`. The digits come from the event's own UID and not from the time: an event has the same name each
 * time that it is sent, and none of another that happened in the same instant.
 */
export function eventName({ metadata, involvedObject }: CoreEvent): string {
  const name = `${involvedObject.name}.${metadata.uid.replaceAll('-', '').slice(0, 16)}`;
  return name.length <= maxName ? name : metadata.uid;
}
