import { type RawBuilder, sql } from 'kysely';
import { waitingMax } from '../../../ports/push-limits.ts';

/** Reading goes on message by message: one push is for all that is read within this time. Milliseconds. */
const readTogetherMs = 2_000;
/** A device that was off for longer is not sent what was read meanwhile. Milliseconds. */
const lifetimeMs = 86_400_000;

/**
 * A call of `push_clear`: devices that were pushed messages which their user has read are sent how far that is.
 * @param reader the device that has read them, which needs no push; NULL: none
 */
export function clearReadPushes(conversationId: RawBuilder<unknown>, userId: RawBuilder<unknown>, reader: RawBuilder<unknown>): RawBuilder<unknown> {
  const ms = (time: number) => sql`${sql.lit(time)} * interval '1 ms'`;
  return sql`push_clear(${conversationId}, ${userId}, ${reader}, ${ms(readTogetherMs)}, ${ms(lifetimeMs)}, ${sql.lit(waitingMax)})`;
}
