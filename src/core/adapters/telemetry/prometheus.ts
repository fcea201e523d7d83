import type { Attributes } from '@opentelemetry/api';
import { type DataPoint, DataPointType, type Histogram, type MetricData, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics';

/** A reader that collects on request, as Prometheus needs. */
export class ScrapeReader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

/**
 * Units as Prometheus spells them (OpenTelemetry, "Prometheus and OpenMetrics Compatibility"); annotations such as
 * "{stream}" are not units.
 */
const units: Readonly<Record<string, string>> = { s: 'seconds', ms: 'milliseconds', By: 'bytes', '1': 'ratio' };

/** The name of a metric in Prometheus' own OTLP receiver, so that scraping and pushing result in the same name. */
export function prometheusName(name: string, unit: string, type: 'counter' | 'gauge' | 'histogram'): string {
  let text = name.replace(/[^a-zA-Z0-9:]+/g, '_');
  const suffix = unit === '1' && type !== 'gauge' ? undefined : units[unit];
  if (suffix !== undefined && !text.endsWith(`_${suffix}`)) text += `_${suffix}`;
  if (type === 'counter' && !text.endsWith('_total')) text += '_total';
  return text;
}

/** Metrics in Prometheus' text format 0.0.4. */
export function exposition({ resource, scopeMetrics }: ResourceMetrics): string {
  const lines = ['# HELP target_info Who is measured.', '# TYPE target_info gauge', `target_info${labels(resource.attributes as Attributes)} 1`];
  for (const { metrics } of scopeMetrics) for (const metric of metrics) lines.push(...linesOf(metric));
  return `${lines.join('\n')}\n`;
}

function linesOf(metric: MetricData): readonly string[] {
  const { name, unit, description } = metric.descriptor;
  const type =
    metric.dataPointType === DataPointType.HISTOGRAM
      ? 'histogram'
      : metric.dataPointType === DataPointType.SUM && metric.isMonotonic
        ? 'counter'
        : 'gauge';
  const full = prometheusName(name, unit, type);
  const head = [`# HELP ${full} ${description.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`, `# TYPE ${full} ${type}`];
  if (metric.dataPointType === DataPointType.HISTOGRAM) return [...head, ...metric.dataPoints.flatMap((point) => bucketsOf(full, point))];
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return [];
  return [...head, ...metric.dataPoints.map(({ attributes, value }) => `${full}${labels(attributes)} ${value}`)];
}

function bucketsOf(name: string, { attributes, value: { buckets, count, sum } }: DataPoint<Histogram>): readonly string[] {
  let below = 0;
  const lines = buckets.boundaries.map((boundary, i) => {
    below += buckets.counts[i] ?? 0;
    return `${name}_bucket${labels({ ...attributes, le: String(boundary) })} ${below}`;
  });
  return [
    ...lines,
    `${name}_bucket${labels({ ...attributes, le: '+Inf' })} ${count}`,
    `${name}_sum${labels(attributes)} ${sum ?? 0}`,
    `${name}_count${labels(attributes)} ${count}`,
  ];
}

function labels(attributes: Attributes): string {
  const pairs = Object.entries(attributes).map(([key, value]) => `${key.replace(/[^a-zA-Z0-9_]/g, '_')}="${escaped(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
