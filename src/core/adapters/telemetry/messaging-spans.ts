import { type Link, SpanKind, type SpanOptions, TraceFlags, type Tracer } from '@opentelemetry/api';
import type { Clock } from '../../kit/clock.ts';
import { linksMax, type ShortSpanName, type ShortSpans, type SpanContext } from '../../ports/short-spans.ts';
import { type givenIds, time } from './call-spans.ts';
import type { Sampler } from './sampling.ts';

export type ShortSpanParts = {
  readonly tracer: Tracer;
  readonly ids: ReturnType<typeof givenIds>;
  readonly sampler: Sampler;
  readonly clock: Clock;
  /** Random lower-case hex digits, not all zero. */
  readonly randomHex: (digits: number) => string;
};

/** Where nothing is exported. */
export const noSpans: ShortSpans = { begin: () => undefined, delivered: () => {} };

const kinds: Readonly<Record<ShortSpanName, SpanKind>> = {
  'subscribe topic': SpanKind.INTERNAL,
  'subscribe conversations': SpanKind.INTERNAL,
  'watch method': SpanKind.INTERNAL,
  'send topic': SpanKind.PRODUCER,
  'send conversation': SpanKind.PRODUCER,
};

/** Creates short spans by OpenTelemetry's conventions for messaging (development). */
export function shortSpans({ tracer, ids, sampler, clock, randomHex }: ShortSpanParts): ShortSpans {
  const newContext = (): SpanContext => ({ traceId: randomHex(32), spanId: randomHex(16) });
  const record = (name: string, context: SpanContext, options: SpanOptions, endMs: number) => {
    ids.next = context;
    tracer.startSpan(name, { ...options, root: true }).end(time(endMs));
  };
  return {
    begin: (name, stream) => {
      if (!sampler.next()) return undefined;
      const context = newContext();
      const startedAtMs = clock.nowMs();
      const startedMs = clock.monotonicMs();
      let isEnded = false;
      return {
        context,
        end: (attributes, reason = '') => {
          if (isEnded) return;
          isEnded = true;
          const kind = kinds[name];
          const sent = kind === SpanKind.PRODUCER ? messaging('send') : {};
          const refused = reason === '' ? {} : { 'portico.reason': reason };
          const options = { kind, attributes: { ...sent, ...attributes, ...refused }, links: [linkTo(stream)], startTime: time(startedAtMs) };
          record(name, context, options, startedAtMs + clock.monotonicMs() - startedMs);
        },
      };
    },
    delivered: ({ name, destination, origins, streams, events, followers, startedAtMs, durationMs }) => {
      if (!sampler.take()) return;
      const attributes = {
        ...messaging('process'),
        'messaging.destination.template': destination,
        'messaging.batch.message_count': events,
        'portico.followers': followers,
      };
      const links = [...origins.slice(0, linksMax.origins), ...streams.slice(0, linksMax.streams)].map(linkTo);
      record(name, newContext(), { kind: SpanKind.CONSUMER, attributes, links, startTime: time(startedAtMs) }, startedAtMs + durationMs);
    },
  };
}

function messaging(operation: 'send' | 'process') {
  return {
    'messaging.system': 'portico',
    'messaging.operation.name': operation === 'send' ? 'send' : 'deliver',
    'messaging.operation.type': operation,
  };
}

function linkTo({ traceId, spanId }: SpanContext): Link {
  return { context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true } };
}
