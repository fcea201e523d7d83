import { slotOf } from '../../kit/partitions.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { CopiesOfUsers, TagsOfUsers } from '../../ports/user-data.ts';
import { type AnswersOf, answerRecord, answersOf, isOf, type ScopesOf } from '../user-copies/answers-and-events.ts';
import { decodeEntry, headerOf } from './cache-entry.ts';
import type { Redis } from './connection/open-redis.ts';
import { redisScript } from './connection/redis-script.ts';

/** Bytes of an entry that are read first: most headers have fewer. */
const headBytes = 1_024;

export type RedisAnswersOfUsersParts = {
  /** The connections for answers. */
  readonly redis: Redis;
  readonly versions: TagsOfUsers;
  readonly scopesOf: ScopesOf;
  /** Keys that Redis looks at for one page: it answers nobody else meanwhile. Default: 500. */
  readonly pageKeys?: number;
  /** Pages of one piece, whose end is written down. Default: 40. */
  readonly piecePages?: number;
};

/**
 * The answers of users in Redis. Their keys are hashes of what was asked for, and nothing lists those of a user, so all
 * keys are scanned, page by page, and the heads of all answers are read.
 */
export function redisAnswersOfUsers({ redis, versions, scopesOf, pageKeys = 500, piecePages = 40 }: RedisAnswersOfUsersParts): CopiesOfUsers {
  return {
    read: async function* (userId, signal) {
      const { hasScope } = answersOf([userId], scopesOf);
      for (let at: At | undefined = placeOf(undefined); at !== undefined; ) {
        signal.throwIfAborted();
        const { keys, next } = await pageAt(redis, at, pageKeys);
        for (const [key, head] of await headsOf(redis, entriesAmong(redis.prefix, keys))) {
          if (head === undefined || !hasScope(head.scope)) continue;
          const entry = decodeEntry(((await redis.call(key, 'GET', key)) as Buffer | null) ?? Buffer.alloc(0));
          if (entry !== undefined) yield answerRecord(entry);
        }
        at = next;
      }
    },
    forget: async (userId, place) => {
      const users = answersOf([userId], scopesOf);
      const erased = { answers: 0, tags: 0 };
      let at: At | undefined = placeOf(place);
      for (let pages = 0; at !== undefined && pages < piecePages; pages++) {
        const { keys, next } = await pageAt(redis, at, pageKeys);
        erased.answers += await dropFrom(redis, entriesAmong(redis.prefix, keys), users);
        const tags = tagsAmong(redis.prefix, keys).filter(users.hasTag);
        if (tags.length > 0) await versions.forget(tags);
        erased.tags += tags.length;
        at = next;
      }
      return { erased, place: at, isDone: at === undefined };
    },
  };
}

/** A place in a scan of the keys of one Redis after the other. */
type At = { readonly generation: string; readonly node: number; readonly cursor: string };

const placeOf = (place: Readonly<Record<string, unknown>> | undefined): At => ({
  generation: String(place?.generation ?? ''),
  node: Number(place?.node ?? 0),
  cursor: String(place?.cursor ?? '0'),
});

/**
 * A page of keys. Redis gives every key that is there all the time; a cursor is one of this process of Redis, so after
 * a restart or a fail-over the scan begins anew.
 * @throws StoreDown
 */
async function pageAt(redis: Redis, at: At, pageKeys: number): Promise<{ readonly keys: readonly string[]; readonly next: At | undefined }> {
  const generation = redis.generation();
  if (generation === undefined) throw new StoreDown('gone', 'Redis: it is not known which of its servers have data.');
  const here = at.generation === generation ? at : { generation, node: 0, cursor: '0' };
  const nodes = redis.router.masters();
  const node = nodes[here.node];
  if (node === undefined) throw new StoreDown('moving', 'Redis Cluster: it has fewer servers than before.');
  const pattern = `${redis.prefix.replaceAll(/[\\*?[\]^]/g, '\\$&')}*`;
  const [cursor, keys] = (await node.send('SCAN', [here.cursor, 'MATCH', pattern, 'COUNT', pageKeys, 'TYPE', 'string'])) as [
    Buffer,
    readonly Buffer[],
  ];
  const next = { ...here, cursor: String(cursor) };
  const nextNode = here.node + 1 < nodes.length ? { generation, node: here.node + 1, cursor: '0' } : undefined;
  return { keys: [...new Set(keys.map(String))], next: next.cursor === '0' ? nextNode : next }; // SCAN may give a key twice
}

/** See redis-keys.ts. */
function entriesAmong(prefix: string, keys: readonly string[]): readonly string[] {
  return keys.filter((key) => /^\{[\w-]{22}\}e$/.test(key.slice(prefix.length)));
}

/** See tag-versions.ts. */
function tagsAmong(prefix: string, keys: readonly string[]): readonly string[] {
  return keys.flatMap((key) => /^\{[^}]*\}v:(.*)$/s.exec(key.slice(prefix.length))?.[1] ?? []);
}

type Head = ReturnType<typeof headerOf> & object;

/**
 * KEYS: entries. ARGV: the last byte. One command for a page: where each key was a command of its own, the replica took
 * several times as long.
 */
const headsScript = redisScript(`#!lua flags=allow-oom
local heads = {}
for i, key in ipairs(KEYS) do
  local head = redis.pcall('GETRANGE', key, 0, ARGV[1])
  heads[i] = type(head) == 'string' and head or ''
end
return heads`);

/** Undefined: of another release. What has ended meanwhile is left out. */
async function headsOf(redis: Redis, keys: readonly string[]): Promise<readonly (readonly [key: string, head: Head | undefined])[]> {
  const bySlot = redis.mode === 'cluster' ? Map.groupBy(keys, slotOf) : new Map(keys.length === 0 ? [] : [[0, keys]]);
  const read = async (some: readonly string[]) => {
    const starts = (await redis.run(headsScript, some, [headBytes - 1])) as readonly Buffer[];
    return Promise.all(some.map(async (key, i) => [key, await headIn(redis, key, starts[i] ?? Buffer.alloc(0))] as const));
  };
  const heads = await Promise.all([...bySlot.values()].map(read));
  return heads.flat().flatMap(([key, found]) => (found === 'ended' ? [] : [[key, found] as const]));
}

/** Reads more where the head is longer. */
async function headIn(redis: Redis, key: string, start: Buffer): Promise<Head | 'ended' | undefined> {
  if (start.length === 0) return 'ended';
  const found = headerOf(start);
  if (typeof found !== 'number') return found;
  const whole = headerOf((await redis.call(key, 'GETRANGE', key, 0, found - 1)) as Buffer);
  return typeof whole === 'number' ? undefined : whole; // it was cut
}

/** Those of another release go, too: nobody knows whose they are, and each is computed anew when it is asked for. */
async function dropFrom(redis: Redis, entries: readonly string[], users: AnswersOf): Promise<number> {
  const dropped = (await headsOf(redis, entries)).flatMap(([key, head]) => (head === undefined || isOf(users, head) ? [key] : []));
  await Promise.all(dropped.map((key) => redis.call(key, 'DEL', key)));
  return dropped.length;
}
