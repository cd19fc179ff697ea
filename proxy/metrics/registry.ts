/*
 * The small part of a Prometheus client that the proxy needs: counters, gauges and histograms with labels, in the text format
 * 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
 */

export type Labels = Readonly<Record<string, string>>;

/** A family of time series, with a value for each set of labels. */
interface Metric {
  /** Lines of the text format, without help and type. */
  render(): readonly string[];
}

export interface Counter {
  add(labels: Labels, by?: number): void;
}

export interface Gauge {
  set(labels: Labels, value: number): void;
}

export interface Histogram {
  observe(labels: Labels, value: number): void;
}

export interface Registry {
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  /** @param buckets upper bounds, ascending, without +Inf */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  /** All metrics in the text format, in the order of their making. */
  render(): string;
}

export function createRegistry(): Registry {
  const metrics = new Map<string, { readonly head: readonly string[]; readonly metric: Metric }>();

  const register = <M extends Metric>(name: string, type: string, help: string, metric: M): M => {
    if (metrics.has(name)) throw new Error(`metric ${name} exists already`);
    metrics.set(name, { head: [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`], metric });
    return metric;
  };

  return {
    counter: (name, help) => register(name, 'counter', help, createValues(name)),
    gauge: (name, help) => register(name, 'gauge', help, createValues(name)),
    histogram: (name, help, buckets) => register(name, 'histogram', help, createHistogram(name, buckets)),
    render: () =>
      [...metrics.values()]
        .flatMap(({ head, metric }) => [...head, ...metric.render()].map((line) => `${line}\n`))
        .join(''),
  };
}

function createValues(name: string): Metric & Counter & Gauge {
  const values = new Map<string, number>();
  return {
    add: (labels, by = 1) => {
      const key = formatLabels(labels);
      values.set(key, (values.get(key) ?? 0) + by);
    },
    set: (labels, value) => values.set(formatLabels(labels), value),
    render: () => [...values].map(([labels, value]) => `${name}${labels} ${formatValue(value)}`),
  };
}

interface Observed {
  readonly labels: Labels;
  /** Observations in each bucket alone; the last one is that of +Inf. */
  readonly counts: number[];
  sum: number;
}

function createHistogram(name: string, buckets: readonly number[]): Metric & Histogram {
  const bounds = [...buckets, Number.POSITIVE_INFINITY];
  const series = new Map<string, Observed>();
  return {
    observe: (labels, value) => {
      const key = formatLabels(labels);
      const observed = series.get(key) ?? { labels, counts: bounds.map(() => 0), sum: 0 };
      const index = bounds.findIndex((bound) => value <= bound);
      observed.counts[index] = (observed.counts[index] ?? 0) + 1;
      observed.sum += value;
      series.set(key, observed);
    },
    render: () => [...series.values()].flatMap((observed) => renderHistogram(name, bounds, observed)),
  };
}

function renderHistogram(
  name: string,
  bounds: readonly number[],
  { labels, counts, sum }: Observed,
): readonly string[] {
  let total = 0;
  const lines = bounds.map((bound, index) => {
    total += counts[index] ?? 0;
    return `${name}_bucket${formatLabels({ ...labels, le: formatValue(bound) })} ${total}`;
  });
  const suffix = formatLabels(labels);
  return [...lines, `${name}_sum${suffix} ${formatValue(sum)}`, `${name}_count${suffix} ${total}`];
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return escapeHelp(value).replaceAll('"', '\\"');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function formatValue(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : String(value);
}
