/*
 * Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats):
 *
 *   # HELP <name> <help>
 *   # TYPE <name> <type>
 *   <name>{<label>="<value>",…} <value> [<milliseconds since the epoch>]
 */

export type Labels = Readonly<Record<string, string>>;

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** One value of a family. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** When it was measured, milliseconds since the epoch; undefined: now. */
  readonly time?: number | undefined;
}

/** All values of one name. */
export interface Family {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Families that have values, in this order. Labels that many samples share, as one object, are written down once. */
export function renderFamilies(families: readonly Family[]): string {
  const written = new Map<Labels, string>();
  const write = (labels: Labels): string => {
    const text = written.get(labels) ?? renderLabels(labels);
    written.set(labels, text);
    return text;
  };
  return families
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, type, help, samples }) => [
      ...renderHead(name, type, help),
      ...samples.map((sample) => renderLine(name, write(sample.labels), sample)),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

export function renderHead(name: string, type: MetricType, help: string): readonly string[] {
  return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`];
}

export function renderSample(name: string, sample: Sample): string {
  return renderLine(name, renderLabels(sample.labels), sample);
}

function renderLine(name: string, labels: string, { value, time }: Sample): string {
  const line = `${name}${labels} ${renderValue(value)}`;
  return time === undefined ? line : `${line} ${Math.trunc(time)}`;
}

export function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

export function renderValue(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

function escapeLabel(value: string): string {
  return escapeHelp(value).replaceAll('"', '\\"');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
