import type { CoreEvent } from '../../events/types.ts';
import { age } from '../status/duration.ts';
import { renderTable } from '../status/table.ts';

/*
 * kubectl's columns (`kubectl/pkg/cmd/events/event_printer.go`), with those of `kubectl get events -o wide` when asked for:
 *
 *   NAMESPACE   LAST SEEN            TYPE      REASON    OBJECT     MESSAGE
 *   default     5s (x3 over 2m20s)   Warning   BackOff   Pod/web    Back-off restarting failed container
 */

export interface EventColumns {
  readonly namespace: boolean;
  readonly wide: boolean;
}

/** A table of events, in their order. */
export function renderEvents(events: readonly CoreEvent[], columns: EventColumns, now: number): string {
  if (events.length === 0) return 'No events found.\n';
  return joined(renderTable([header(columns), ...events.map((event) => cells(event, columns, now))]));
}

/** Lengths that most cells do not exceed, so that rows which come one by one stand below each other. */
const usual: Readonly<Record<string, number>> = { 'LAST SEEN': 20, TYPE: 7, REASON: 17, OBJECT: 24 };

/** Renders events one by one, each with a line break; the first with the header in front. Columns grow as they must. */
export function createEventTable(columns: EventColumns): (event: CoreEvent, now: number) => string {
  let isFirst = true;
  let widest = header(columns).map((name) => name.padEnd(usual[name] ?? 0));
  return (event, now) => {
    const row = cells(event, columns, now);
    widest = widest.map((text, column) => ((row[column]?.length ?? 0) > text.length ? (row[column] ?? '') : text));
    const [, ...lines] = renderTable([widest, ...(isFirst ? [header(columns)] : []), row]);
    isFirst = false;
    return joined(lines);
  };
}

const joined = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

function header({ namespace, wide }: EventColumns): readonly string[] {
  return [
    ...(namespace ? ['NAMESPACE'] : []),
    ...['LAST SEEN', 'TYPE', 'REASON', 'OBJECT'],
    ...(wide ? ['SUBOBJECT', 'SOURCE', 'FIRST SEEN', 'COUNT', 'NAME'] : []),
    'MESSAGE',
  ];
}

function cells(event: CoreEvent, { namespace, wide }: EventColumns, now: number): readonly string[] {
  const { metadata, involvedObject, type, reason, message, source, count } = event;
  return [
    ...(namespace ? [metadata.namespace] : []),
    lastSeen(event, now),
    ...[type, reason, `${involvedObject.kind}/${involvedObject.name}`],
    ...(wide ? [involvedObject.fieldPath ?? '', `${source.component}, ${source.host}`] : []),
    ...(wide ? [age(event.firstTimestamp, now), String(count), metadata.name] : []),
    message.trim(),
  ].map(printable);
}

function lastSeen({ count, firstTimestamp, lastTimestamp }: CoreEvent, now: number): string {
  const last = age(lastTimestamp, now);
  return count > 1 ? `${last} (x${count} over ${age(firstTimestamp, now)})` : last;
}

/** The first line; what would steer a terminal is shown as `^[`, as kubectl does: containers have a say in messages. */
function printable(text: string): string {
  const end = text.search(/[\f\n\r]/);
  const line = end < 0 ? text : `${text.slice(0, end)}...`;
  return line.replaceAll(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (control) => `^${String.fromCharCode((control.charCodeAt(0) & 0x1f) + 64)}`,
  );
}
