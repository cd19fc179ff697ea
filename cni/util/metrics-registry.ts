/*
 * The small part of a Prometheus client that the daemon needs: counters, gauges and histograms with labels.
 */
import { type Labels, type MetricType, renderHead, renderLabels, renderSample, renderValue } from './metrics-text.ts';

/** A family of time series, with a value for each set of labels. */
interface Metric {
  /** Lines of the text format, without help and type. */
  render(): readonly string[];
}

interface Removable {
  /** Forgets the series whose labels match, such as those of an object that is gone. */
  remove(matches: (labels: Labels) => boolean): void;
}

export interface Counter extends Removable {
  add(labels: Labels, by?: number): void;
}

export interface Gauge extends Removable {
  set(labels: Labels, value: number): void;
}

export interface Histogram extends Removable {
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

  const register = <M extends Metric>(name: string, type: MetricType, help: string, metric: M): M => {
    if (metrics.has(name)) throw new Error(`metric ${name} exists already`);
    metrics.set(name, { head: renderHead(name, type, help), metric });
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
  const values = new Map<string, { readonly labels: Labels; readonly value: number }>();
  const set = (labels: Labels, value: number): void => {
    values.set(renderLabels(labels), { labels, value });
  };
  return {
    add: (labels, by = 1) => set(labels, (values.get(renderLabels(labels))?.value ?? 0) + by),
    set,
    remove: (matches) => removeMatching(values, matches),
    render: () => [...values.values()].map((sample) => renderSample(name, sample)),
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
      const key = renderLabels(labels);
      const observed = series.get(key) ?? { labels, counts: bounds.map(() => 0), sum: 0 };
      const index = bounds.findIndex((bound) => value <= bound);
      observed.counts[index] = (observed.counts[index] ?? 0) + 1;
      observed.sum += value;
      series.set(key, observed);
    },
    remove: (matches) => removeMatching(series, matches),
    render: () => [...series.values()].flatMap((observed) => renderHistogram(name, bounds, observed)),
  };
}

function removeMatching(series: Map<string, { readonly labels: Labels }>, matches: (labels: Labels) => boolean): void {
  for (const [key, { labels }] of series) if (matches(labels)) series.delete(key);
}

function renderHistogram(
  name: string,
  bounds: readonly number[],
  { labels, counts, sum }: Observed,
): readonly string[] {
  let total = 0;
  const lines = bounds.map((bound, index) => {
    total += counts[index] ?? 0;
    return renderSample(`${name}_bucket`, { labels: { ...labels, le: renderValue(bound) }, value: total });
  });
  return [
    ...lines,
    renderSample(`${name}_sum`, { labels, value: sum }),
    renderSample(`${name}_count`, { labels, value: total }),
  ];
}
