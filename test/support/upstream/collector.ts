// An OTLP collector that keeps what it gets, and reads of it as much as tests ask for.
import { once } from 'node:events';
import { createServer } from 'node:http';

export type SeenSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** 1: internal, 2: server, 3: client, 4: producer, 5: consumer. */
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Texts and whole numbers. */
  readonly attributes: Readonly<Record<string, string | number>>;
};
export type Collector = {
  readonly url: string;
  /** Bodies of the exports, as they came. */
  readonly traces: () => readonly Buffer[];
  readonly metrics: () => readonly Buffer[];
  spans(): readonly SeenSpan[];
  /** As Prometheus' own OTLP receiver would name them. */
  metricNames(): readonly string[];
  close(): Promise<void>;
};

export async function openCollector(): Promise<Collector> {
  const got: Record<'/v1/traces' | '/v1/metrics', Buffer[]> = { '/v1/traces': [], '/v1/metrics': [] };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got[request.url as keyof typeof got]?.push(Buffer.concat(chunks));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    traces: () => got['/v1/traces'],
    metrics: () => got['/v1/metrics'],
    // opentelemetry-proto v1: resource (1) > scope (2) > spans or metrics (2)
    spans: () => got['/v1/traces'].flatMap((body) => each(body, 1, 2, 2).map(spanOf)),
    metricNames: () => [...new Set(got['/v1/metrics'].flatMap((body) => each(body, 1, 2, 2).map(nameOf)))],
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

type Fields = ReadonlyMap<number, readonly (Buffer | number)[]>;

/** Protobuf's wire format, without a schema. */
function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, (Buffer | number)[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag & 7;
    const sizes: Readonly<Record<number, number>> = { 1: 8, 5: 4 };
    const size = type === 2 ? varint() : sizes[type];
    const value = size === undefined ? varint() : bytes.subarray(at, at + size);
    at += size ?? 0;
    fields.set(tag >>> 3, [...(fields.get(tag >>> 3) ?? []), value]);
  }
  return fields;
}

/** All messages that the path of field numbers leads to. */
function each(bytes: Buffer, ...path: readonly number[]): readonly Fields[] {
  const [first, ...rest] = path;
  const fields = fieldsOf(bytes);
  if (first === undefined) return [fields];
  return (fields.get(first) ?? []).flatMap((value) => (typeof value === 'number' ? [] : each(value, ...rest)));
}

const hex = (value: Buffer | number | undefined) => (value instanceof Buffer ? value.toString('hex') : '');
const text = (value: Buffer | number | undefined) => (value instanceof Buffer ? value.toString() : '');

function spanOf(span: Fields): SeenSpan {
  const at = (field: number) => span.get(field)?.[0];
  const inside = (field: number) => (span.get(field) ?? []).flatMap((value) => (typeof value === 'number' ? [] : [fieldsOf(value)]));
  const attributeOf = (bytes: Buffer | number | undefined) => {
    const value = bytes instanceof Buffer ? fieldsOf(bytes) : new Map<number, readonly (Buffer | number)[]>();
    return value.has(1) ? text(value.get(1)?.[0]) : Number(value.get(3)?.[0]);
  };
  return {
    traceId: hex(at(1)),
    spanId: hex(at(2)),
    parentSpanId: hex(at(4)),
    name: text(at(5)),
    kind: Number(at(6) ?? 0),
    links: inside(13).map((link) => ({ traceId: hex(link.get(1)?.[0]), spanId: hex(link.get(2)?.[0]) })),
    attributes: Object.fromEntries(inside(9).map((pair) => [text(pair.get(1)?.[0]), attributeOf(pair.get(2)?.[0])])),
  };
}

/** OpenTelemetry, "Prometheus and OpenMetrics Compatibility": units spelt out, `_total` for what only rises, `_ratio` for gauges of unit 1. */
function nameOf(metric: Fields): string {
  const [name, unit] = [text(metric.get(1)?.[0]), text(metric.get(3)?.[0])];
  const sum = metric.get(7)?.[0];
  const rises = sum instanceof Buffer && fieldsOf(sum).get(3)?.[0] === 1;
  const words: Readonly<Record<string, string>> = { s: '_seconds', ms: '_milliseconds', By: '_bytes', '1': metric.has(5) ? '_ratio' : '' };
  const base = name.replaceAll(/[^a-zA-Z0-9]+/g, '_');
  const suffix = words[unit] ?? '';
  return `${base}${base.endsWith(suffix) ? '' : suffix}${rises && !base.endsWith('_total') ? '_total' : ''}`;
}
