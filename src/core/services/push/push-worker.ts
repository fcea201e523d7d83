import type { Meter } from '@opentelemetry/api';
import { beginWhen, repeat, tryAgain } from '../../kit/background-work.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PushQueue } from '../../ports/push-queue.ts';
import type { PushSender } from '../../ports/push-sender.ts';
import type { PushProvider } from '../../ports/push-tokens.ts';
import { pushMetrics } from './push-metrics.ts';
import { type SendLimits, sendLimits, startSending } from './send-pushes.ts';

/** Messages of one expansion, and rows of one deletion. */
const batch = 100;
const forgetEveryMs = 60_000;
const lagEveryMs = 10_000;
/** Pushes on the way when the server stops have this long to be answered. */
const graceMs = 2_000;

export type PushParts = {
  readonly queue: PushQueue;
  readonly senders: ReadonlyMap<PushProvider, PushSender>;
  /** Resolved when the database is there. */
  readonly opened: Promise<void>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly meter: Meter;
  readonly limits?: SendLimits;
};

/** Expands messages that are due, and sends pushes, until it is closed. */
export function startPushing({ queue, senders, opened, clock, random, log, meter, limits = sendLimits }: PushParts): { close(): Promise<void> } {
  const metrics = pushMetrics(meter);
  const { everyMs } = limits;
  let lagMs = 0;
  meter
    .createObservableGauge('portico.outbox.lag', { unit: 's', description: 'How long the oldest message or push is due.' })
    .addCallback((observed) => observed.observe(lagMs / 1_000));
  const tried = (what: string, againMs: number, work: () => Promise<number>) =>
    tryAgain(againMs, (error) => log.warn(`${what}: it is tried again.`, { error }), work);
  const start = () => [
    repeat(
      clock,
      everyMs * random(),
      tried('Messages could not be expanded into pushes', everyMs, async () => ((await queue.expand(batch)).messages > 0 ? 0 : everyMs)),
    ),
    repeat(
      clock,
      forgetEveryMs * random(),
      tried('Expired pushes could not be deleted', forgetEveryMs, async () => ((await queue.forget(batch)) >= batch ? 0 : forgetEveryMs)),
    ),
    repeat(
      clock,
      0,
      tried('How long pushes wait could not be read', lagEveryMs, async () => {
        lagMs = await queue.lagMs();
        return lagEveryMs;
      }),
    ),
  ];
  let sending: readonly ReturnType<typeof startSending>[] = [];
  const stop = beginWhen(opened, () => {
    const stops = start();
    sending = [...senders].map(([provider, sender]) => startSending({ provider, sender, queue, metrics, limits, clock, random, log }));
    return () => {
      for (const stop of stops) stop();
    };
  });
  return {
    close: async () => {
      stop();
      await Promise.all(sending.map((stop) => stop(graceMs)));
    },
  };
}
