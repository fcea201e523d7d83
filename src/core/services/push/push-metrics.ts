import type { Meter } from '@opentelemetry/api';
import type { PushProvider } from '../../ports/push-tokens.ts';

/** What became of a push, for its count. */
export type PushCounted = 'sent' | 'later' | 'dead' | 'refused' | 'unwanted' | 'late' | 'unknown';

export type PushMetrics = {
  sent(provider: PushProvider, outcome: PushCounted, count?: number): void;
  repeated(provider: PushProvider): void;
  looped(provider: PushProvider): void;
};

export function pushMetrics(meter: Meter): PushMetrics {
  const sends = meter.createCounter('portico.push.sent', { description: 'Pushes by provider and what became of them.' });
  const repeats = meter.createCounter('portico.push.repeated', {
    description: 'Pushes that were sent although an earlier attempt may have arrived, because nobody recorded what became of it.',
  });
  const loops = meter.createCounter('portico.push.loops', {
    description: 'Pushes that may have been sent five times or more, and were sent once more or given up.',
  });
  return {
    sent: (provider, outcome, count = 1) => sends.add(count, { provider, outcome }),
    repeated: (provider) => repeats.add(1, { provider }),
    looped: (provider) => loops.add(1, { provider }),
  };
}
