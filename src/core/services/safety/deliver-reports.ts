import type { Meter } from '@opentelemetry/api';
import { Metadata } from 'nice-grpc-common';
import { ChatReportServiceDefinition, ReportRequest, ReportResponse } from '../../../gen/portico/internal/v1/chat_report.ts';
import { beginWhen, type Run, repeat, tryAgain } from '../../kit/background-work.ts';
import { type Backoff, backoffMs } from '../../kit/backoff.ts';
import type { Clock } from '../../kit/clock.ts';
import { observeGauge } from '../../kit/observe-metric.ts';
import type { Log } from '../../ports/log.ts';
import type { Report, Reports } from '../../ports/reports.ts';
import { type AskableUpstreams, askUpstream, type CallContext } from '../../upstreams/upstreams.ts';
import { kindsOut, reasonsOut, sendersOut } from './report-enums.ts';

export type DeliverReportsParts = {
  readonly reports: Omit<Reports, 'report'>;
  readonly upstreams: AskableUpstreams;
  readonly settings: { readonly upstream: string /** Milliseconds. */; readonly deadline: number };
  /** Resolved when the database is there. */
  readonly opened: Promise<void>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomHex: (digits: number) => string;
  readonly log: Log;
  readonly meter: Meter;
};

const { fullName, methods } = ChatReportServiceDefinition;
/** Of the upstream, as other services name it. */
export const reportMethod = `${fullName}/${methods.report.name}`;
/** Reports at once of one replica. */
const atOnce = 10;
const everyMs = 1_000;
const countEveryMs = 10_000;
/** The wait before another attempt of one report: within ten minutes after the service is back it has everything. */
const backoff: Backoff = { firstMs: 1_000, factor: 2, mostMs: 600_000, least: 0.5, spread: 0.5 };
/** What recording may take after the answer. Milliseconds. */
const recordMs = 10_000;

/** Delivers reports, for as long as it takes. @returns stops it: a report on the way is delivered again */
export function startDelivering(parts: DeliverReportsParts): () => Promise<void> {
  const { reports, settings, opened, clock, random, log, meter } = parts;
  const outcomes = meter.createCounter('portico.chat.reports', { description: 'Attempts to deliver a report of a message, by outcome.' });
  const stopped = new AbortController();
  let waiting = { count: 0, oldestMs: 0 };
  /** The runs that are under way: at most one of each work. */
  const running = new Set<Promise<number>>();
  observeGauge(meter, 'portico.chat.reports.waiting', 'Reports of messages that wait to be delivered.', () => waiting.count);

  const deliver = async (report: Report) => {
    const isDelivered = await sendReport(report, stopped.signal, parts);
    outcomes.add(1, { outcome: isDelivered ? 'delivered' : 'failed' });
    await (isDelivered ? reports.delivered(report.id) : reports.delay(report.id, backoffMs(backoff, report.attempts + 1, random)));
  };
  const warn = (error: unknown) => log.warn('Reports of messages cannot be delivered now: it is tried again.', { error });
  const deliverDue = async () => {
    const due = await reports.lease(atOnce, settings.deadline + recordMs);
    await Promise.all(due.map(deliver));
    return due.length === atOnce ? 0 : everyMs;
  };
  const count = async () => {
    waiting = await reports.waiting();
    return countEveryMs;
  };
  const start = (firstMs: number, work: Run) => {
    const run = tryAgain(everyMs, warn, work);
    return repeat(clock, firstMs, (isStopped) => {
      const current: Promise<number> = run(isStopped).finally(() => running.delete(current));
      running.add(current);
      return current;
    });
  };
  const stop = beginWhen(opened, () => {
    const stops = [start(everyMs * random(), deliverDue), start(0, count)];
    return () => {
      for (const stop of stops) stop();
    };
  });
  return async () => {
    stopped.abort(new Error('The server is stopping.'));
    stop();
    await Promise.all(running);
  };
}

/** @returns whether the service has it. Its failures are logged with those of all upstreams. */
async function sendReport(
  report: Report,
  signal: AbortSignal,
  { upstreams, settings: { upstream, deadline }, clock, randomHex }: DeliverReportsParts,
): Promise<boolean> {
  const trace = {
    traceId: randomHex(32),
    spanId: randomHex(16),
    sampled: false,
    annotate: () => {},
    upstream: () => ({ metadata: [], end: () => {} }),
  };
  const context: CallContext = { metadata: Metadata(), caller: undefined, signal, deadlineAtMs: clock.nowMs() + deadline, trace };
  try {
    const request = ReportRequest.encode(requestOf(report)).finish();
    const question = { request, decode: (body: Uint8Array) => ReportResponse.decode(body) };
    return (await askUpstream(upstreams, { upstream, path: `/${reportMethod}` }, question, context)) !== undefined;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

function requestOf(report: Report): ReportRequest {
  const { id: reportId, reporterId, comment, conversationId, subject, sender, text, data } = report;
  return {
    ...{ reportId, reporterId, reason: reasonsOut[report.reason], comment, reportedAt: new Date(report.reportedAtMs) },
    ...{ conversationId, kind: kindsOut[report.kind], subject, seq: BigInt(report.seq) },
    sender: { kind: sendersOut[sender.kind], id: sender.id },
    content: { text, data: Buffer.from(data), attachments: [] }, // by their ids below
    sentAt: new Date(report.sentAtMs),
    attachmentIds: [...report.attachmentIds],
  };
}
