import type { Redis } from 'ioredis';
import type { Clock } from '../../../kit/clock.ts';

const againMs = 100;

/**
 * Reconnects a client that has stopped reconnecting without being closed. ioredis stops for good when Sentinels report
 * a fail-over while it asks them for the primary: FailoverDetector disconnects the connector, which then fails with
 * "Connection is closed.", and no retryStrategy is called.
 */
export function reconnect(redis: Pick<Redis, 'status' | 'connect' | 'on'>, clock: Clock, isClosed: () => boolean): void {
  redis.on('end', () => {
    if (isClosed()) return;
    clock.after(againMs, () => {
      if (!isClosed() && redis.status === 'end') redis.connect().catch(() => {}); // reported by 'error', and followed by another 'end'
    });
  });
}
