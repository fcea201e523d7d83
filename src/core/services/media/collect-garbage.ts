import type { Meter } from '@opentelemetry/api';
import { beginWhen, type Run, repeat, tryAgain } from '../../kit/background-work.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Attachments, Unneeded } from '../../ports/attachments.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { Log } from '../../ports/log.ts';

/** Rows and blobs of one step. */
const batch = 500;
const everyMs = 60_000;
/** A worker that was killed keeps its turn for so long. */
const heldMs = 300_000;
const work = 'media.collect';

export type CollectorParts = {
  readonly attachments: Attachments;
  readonly blobs: Blobs;
  readonly unneeded: Unneeded;
  /** Of this replica: a UUID. */
  readonly holder: string;
  readonly clock: Clock;
};

/** What one run has done. */
export type Collected = { readonly dropped: number; readonly deleted: number; readonly strange: number; readonly lost: number };

/**
 * Drops what is not needed and deletes its blobs, then compares a piece of the store with the database. Blobs of no
 * part are deleted once they are as old as an unfinished upload: before, a call may be storing them.
 * @returns undefined: another replica does it
 */
export async function collect(
  { attachments, blobs, unneeded, holder, clock }: CollectorParts,
  isStopped = () => false,
): Promise<Collected | undefined> {
  const after = await attachments.hold(work, holder, heldMs);
  if (after === undefined) return undefined;
  let place = after;
  let dropped = 0;
  let deleted = 0;
  const remove = async (names: readonly string[]) => {
    await blobs.delete(names);
    await attachments.forget(names);
    deleted += names.length;
  };
  try {
    for (let more = 1; more > 0 && !isStopped(); dropped += more) {
      more = await attachments.dropUnneeded(unneeded, batch);
      await attachments.hold(work, holder, heldMs);
    }
    for (let names = await attachments.garbage(batch); names.length > 0 && !isStopped(); names = await attachments.garbage(batch))
      await remove(names);
    const listed = await blobs.list(after, batch);
    const page = wholeAttachments(listed.map(({ name }) => name));
    const to = listed.length < batch ? undefined : page.at(-1);
    const { strange, lost } = await attachments.compare(after, to, to === undefined ? listed.map(({ name }) => name) : page);
    const young = clock.nowMs() - unneeded.unfinishedMs;
    const changed = new Map(listed.map(({ name, changedAtMs }) => [name, changedAtMs]));
    await remove(strange.filter((name) => (changed.get(name) ?? 0) < young));
    place = to ?? '';
    return { dropped, deleted, strange: strange.length, lost };
  } finally {
    await attachments.release(work, holder, place);
  }
}

/** A page ends between two attachments, unless it is all of one. */
function wholeAttachments(names: readonly string[]): readonly string[] {
  const ownerOf = (name: string | undefined) => name?.slice(0, name.indexOf('/'));
  const last = ownerOf(names.at(-1));
  const whole = names.filter((name) => ownerOf(name) !== last);
  return whole.length === 0 ? names : whole;
}

/** Collects once a minute, on one replica at a time, until it is closed. */
export function startCollecting(
  parts: CollectorParts & { readonly opened: Promise<void>; readonly random: () => number; readonly log: Log; readonly meter: Meter },
): () => void {
  const { opened, random, log, meter, clock } = parts;
  const counts = meter.createCounter('portico.media.collected', {
    description: 'Attachments that were dropped, their blobs that were deleted, and what the store and the database lack of each other.',
  });
  for (const what of ['dropped', 'deleted', 'strange', 'lost'] satisfies (keyof Collected)[]) counts.add(0, { what }); // so that a rate begins at zero
  const warn = (error: unknown) => log.warn('Attachments that nobody needs could not be deleted: it is tried again.', { error });
  const run: Run = async (isStopped) => {
    const collected = await collect(parts, isStopped);
    for (const [what, count] of Object.entries(collected ?? {})) if (count > 0) counts.add(count, { what });
    if (collected !== undefined && collected.lost > 0)
      log.error('The store of attachments lacks content that the database has.', { attachments: collected.lost });
    return everyMs;
  };
  return beginWhen(opened, () => repeat(clock, everyMs * random(), tryAgain(everyMs, warn, run)));
}
