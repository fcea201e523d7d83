/** A span that others link to (W3C Trace Context): 32 and 16 lower-case hex digits. */
export type SpanContext = { readonly traceId: string; readonly spanId: string };

/** What is done on a stream, or for many of them. The names of spans: nothing in them is chosen by a client. */
export type ShortSpanName = 'subscribe topic' | 'subscribe conversations' | 'watch method' | 'send topic' | 'send conversation';

/** Attributes by OpenTelemetry's names. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A recorded piece of work that has begun. */
export type ShortSpan = {
  readonly context: SpanContext;
  /** Only the first call counts; a span that never ends is not recorded. @param reason of a refusal; "": it was done */
  end(attributes: SpanAttributes, reason?: string): void;
};

/** Events that a replica has handed to the streams of those who follow. */
export type Delivered = {
  readonly name: 'deliver topic' | 'deliver conversation';
  /** `messaging.destination.template`: never the name itself. */
  readonly destination: string;
  /** The spans that have sent the events: not empty. */
  readonly origins: readonly SpanContext[];
  /** Of the first streams. */
  readonly streams: readonly SpanContext[];
  readonly events: number;
  /** All that follow. */
  readonly followers: number;
  readonly startedAtMs: number;
  readonly durationMs: number;
};

/** Links that a span has: to origins, and to streams. */
export const linksMax = { origins: 8, streams: 16 } as const;

/**
 * Short spans of long streams, whose own span ends hours later and is linked to. Each is the root of a trace of its
 * own. Sampling is decided before anything is made: what is not recorded allocates nothing.
 */
export type ShortSpans = {
  /** Undefined: it is not recorded. */
  begin(name: ShortSpanName, stream: SpanContext): ShortSpan | undefined;
  /**
   * One span for all streams of this replica, however many: call it where an origin came along, which means that the
   * sender's span is recorded.
   */
  delivered(delivered: Delivered): void;
};

/** A span as one word of the bus: "<trace id>-<span id>". */
export function spanText({ traceId, spanId }: SpanContext): string {
  return `${traceId}-${spanId}`;
}

/** @returns undefined for a text that is none */
export function spanOf(text: string | undefined): SpanContext | undefined {
  if (text === undefined || !/^[0-9a-f]{32}-[0-9a-f]{16}$/.test(text)) return undefined;
  return { traceId: text.slice(0, 32), spanId: text.slice(33) };
}
