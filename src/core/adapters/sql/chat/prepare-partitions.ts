import { sql } from 'kysely';
import { repeat, tryAgain } from '../../../kit/background-work.ts';
import type { Clock } from '../../../kit/clock.ts';
import type { Log } from '../../../ports/log.ts';
import type { UseDatabase } from '../database-access.ts';

/** Partitions are there for so many months to come: a replica that runs for a quarter of a year loses none. */
const months = 3;
const firstMs = 5_000;
const everyMs = 86_400_000;

/**
 * Prepares the partitions of events for the months to come, soon and then each day. Events of a month without one are
 * kept in a common one, and could not be dropped by age. @returns stops it
 */
export function startPreparingPartitions(use: UseDatabase, { clock, log }: { readonly clock: Clock; readonly log: Log }): () => void {
  const warn = (error: unknown) => log.warn('The partitions of the coming months could not be prepared: it is tried again in a day.', { error });
  const prepare = async () => {
    await use((db) => sql`SELECT chat_prepare_partitions(${months}::int)`.execute(db));
    return everyMs;
  };
  return repeat(clock, firstMs, tryAgain(everyMs, warn, prepare));
}
