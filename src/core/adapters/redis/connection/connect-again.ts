import type { Redis } from 'ioredis';
import type { Clock } from '../../../kit/clock.ts';

const againMs = 100;

/**
 * Lets a client connect again that has given up though nobody told it to: ioredis does so for good when Sentinels tell of a fail-over just while it asks them for the primary
 * (FailoverDetector disconnects the connector, which then fails with "Connection is closed.", after which no retryStrategy is asked).
 */
export function connectAgain(redis: Pick<Redis, 'status' | 'connect' | 'on'>, clock: Clock, isClosed: () => boolean): void {
  redis.on('end', () => {
    if (isClosed()) return;
    clock.after(againMs, () => {
      if (!isClosed() && redis.status === 'end') redis.connect().catch(() => {}); // said by 'error', and followed by another 'end'
    });
  });
}
