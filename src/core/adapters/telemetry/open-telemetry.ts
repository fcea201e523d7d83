import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, type MetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { AlwaysOnSampler, BatchSpanProcessor, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Clock } from '../../kit/clock.ts';
import { randomDigits } from '../../kit/random-digits.ts';
import type { CallRecorder } from '../../ports/call-record.ts';
import type { Log } from '../../ports/log.ts';
import type { ShortSpans } from '../../ports/short-spans.ts';
import { accessLog } from './access-log.ts';
import { openLineFile } from './access-log-file.ts';
import { callMetrics } from './call-metrics.ts';
import { givenIds, spansOf } from './call-spans.ts';
import { type TelemetrySwitches, telemetrySwitches } from './log-and-sampling-switches.ts';
import { jsonLog, type LogOptions, processDestination } from './logger.ts';
import { noSpans, shortSpans } from './messaging-spans.ts';
import { exposition, ScrapeReader } from './prometheus.ts';
import { runtimeMetrics } from './runtime-metrics.ts';
import { sampler } from './sampling.ts';
import { shortLog, textDestination } from './terminal-log.ts';

export type TelemetryOptions = {
  readonly version: string;
  readonly sampleRatio: number;
  /** "stdout", "none", or the path of a file. */
  readonly accessLog: string;
  readonly logLevel: LogOptions['level'];
  /** True: short lines for a terminal. */
  readonly pretty: boolean;
  /** The standard OTEL_* variables: an exporter is opened if an endpoint is set. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
};

export type Telemetry = {
  readonly log: Log;
  readonly meter: Meter;
  readonly recorder: CallRecorder;
  readonly shortSpans: ShortSpans;
  /** For Prometheus. */
  metricsText(): Promise<string>;
  /** For the admin listener. */
  readonly switches: TelemetrySwitches;
  /** Exports the rest for at most 5 s, and closes the exporters. */
  close(): Promise<void>;
};

const flushMs = 5_000;

/** Opens logs, metrics and traces: the only place that knows the OpenTelemetry SDK. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { env, version, clock } = options;
  const service = { name: env.OTEL_SERVICE_NAME ?? 'portico', version };
  const stdout = processDestination();
  const log = jsonLog({
    level: options.logLevel,
    service,
    destination: options.pretty ? textDestination((text) => void stdout.write(text)) : stdout,
  });
  const ratio = { current: options.sampleRatio };
  const resource = resourceFromAttributes({
    ...resourceAttributes(env.OTEL_RESOURCE_ATTRIBUTES),
    'service.name': service.name,
    'service.version': version,
    'service.instance.id': randomUUID(),
  });
  const push = await pushReaders(env);
  // One reader for both if both need sums since the start: every reader keeps its own, at the cost of another
  // microsecond per call.
  const shared = /^(|cumulative)$/i.test(env.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE ?? '') ? push[0] : undefined;
  const scrape: MetricReader = shared ?? new ScrapeReader();
  const meters = new MeterProvider({ resource, readers: shared === undefined ? [scrape, ...push] : push });
  const meter = meters.getMeter('portico', version);
  const stopRuntime = runtimeMetrics(meter);
  const ids = givenIds();
  const processors = await spanProcessors(env);
  const tracers = new TracerProvider({ resource, sampler: new AlwaysOnSampler(), idGenerator: ids, spanProcessors: processors });
  const tracer = tracers.getTracer('portico', version);
  const spans = processors.length === 0 ? undefined : spansOf(tracer, ids);
  const sampled = sampler(ratio, clock);
  const metrics = callMetrics(meter);
  const access = openAccessLog(options, service, stdout, log);
  return {
    log,
    meter,
    recorder: {
      samples: spans === undefined ? () => false : sampled.ofTrace,
      opened: (record) => {
        metrics.opened();
        access.lines?.opened(record);
      },
      ended: (record) => {
        metrics.ended(record);
        access.lines?.ended(record);
        if (spans !== undefined && sampled.records(record)) spans(record);
      },
      unknownMethod: metrics.unknownMethod,
    },
    shortSpans: spans === undefined ? noSpans : shortSpans({ tracer, ids, sampler: sampled, clock, randomHex: randomDigits() }),
    switches: telemetrySwitches(log, ratio),
    metricsText: async () => exposition((await scrape.collect()).resourceMetrics),
    close: async () => {
      stopRuntime();
      await Promise.race([
        Promise.allSettled([tracers.shutdown(), meters.shutdown({ timeoutMillis: flushMs })]),
        new Promise<void>((resolve) => clock.after(flushMs, resolve)),
      ]);
      await access.close();
      stdout.flushSync();
    },
  };
}

function openAccessLog(
  { accessLog: to, pretty, clock }: TelemetryOptions,
  service: { readonly name: string; readonly version: string },
  stdout: ReturnType<typeof processDestination>,
  log: Log,
) {
  if (to === 'none') return { lines: undefined, close: async () => {} };
  if (to === 'stdout') {
    const write = (line: string) => void stdout.write(line);
    return { lines: pretty ? shortLog(write) : accessLog(write, service), close: async () => {} };
  }
  const file = openLineFile(to, clock, (error) => log.error('Lines of the access log could not be written: they are lost.', { file: to, error }));
  return { lines: accessLog(file.write, service), close: file.close };
}

/** Loaded only if an endpoint is set: they are half of the code that a start would load. */
async function spanProcessors(env: TelemetryOptions['env']): Promise<SpanProcessor[]> {
  if (!pushes(env, 'TRACES')) return [];
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  return [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })];
}

async function pushReaders(env: TelemetryOptions['env']): Promise<PeriodicExportingMetricReader[]> {
  if (!pushes(env, 'METRICS')) return [];
  const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-proto');
  const exportIntervalMillis = Number(env.OTEL_METRIC_EXPORT_INTERVAL ?? 60_000);
  return [
    new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter(),
      exportIntervalMillis,
      exportTimeoutMillis: Math.min(30_000, exportIntervalMillis),
    }),
  ];
}

/** OpenTelemetry, "Environment Variable Specification": the exporters themselves read the rest of the variables. */
function pushes(env: TelemetryOptions['env'], signal: 'TRACES' | 'METRICS'): boolean {
  if (env.OTEL_SDK_DISABLED === 'true' || env[`OTEL_${signal}_EXPORTER`] === 'none') return false;
  return (env.OTEL_EXPORTER_OTLP_ENDPOINT ?? env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] ?? '') !== '';
}

function resourceAttributes(text = ''): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at < 1 ? [] : [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}
