import { Redis, type RedisOptions } from 'ioredis';
import type { Clock } from '../../../kit/clock.ts';
import { StoreDown } from '../../../kit/store-down.ts';
import { interpret } from './redis-error.ts';
import { parseInfo, type RedisInfo } from './redis-info.ts';
import {
  answersWithin,
  commandTimeoutMs,
  connectionOptions,
  failuresMax,
  pingEveryMs,
  pingsMax,
  readyWithinMs,
  reconnect,
} from './timeouts-and-reconnects.ts';

/** A word of a command. */
export type Word = string | Buffer | number;

/** The connection for commands to one Redis process. */
export type RedisNode = {
  /** "host:port", or the Sentinels' name for it. */
  readonly name: string;
  /** The options of further connections to it. */
  readonly address: RedisOptions;
  isUp(): boolean;
  /** Commands without a reply yet. */
  pending(): number;
  /** Its last INFO. It is read before any command on a new connection, and kept while there is no connection. */
  info(): RedisInfo | undefined;
  /**
   * @returns the reply, its texts as Buffers
   * @throws StoreDown at once when it is known to be unavailable, and within `commandTimeoutMs` when it does not
   * answer; ReplyError for MOVED and the like, and for a wrong command
   */
  send(command: string, words: readonly Word[]): Promise<unknown>;
  /** Commands that must be consecutive on the connection; the replies in their order. */
  sendTogether(commands: readonly (readonly [string, ...Word[]])[]): Promise<readonly unknown[]>;
  /** Reads INFO again before any other command, because the node may have been promoted. */
  verify(): void;
  /** The last error, as text for operators. */
  trouble(): string | undefined;
  close(): void;
};

/**
 * - connecting: no connection, or one without a reply to INFO yet
 * - up
 * - broken: several commands in a row were not answered; only PING is sent until it answers, and then a new connection
 * is made
 */
type State = 'connecting' | 'up' | 'broken';

/**
 * Opens the connection and keeps it open: it reconnects by itself. `onChange` is called when it goes up or down, or
 * connects to another Redis.
 */
export function openRedisNode(
  name: string,
  address: RedisOptions,
  { clock, masterOnly, onChange }: { readonly clock: Clock; readonly masterOnly: boolean; readonly onChange: () => void },
): RedisNode {
  const redis = new Redis({ ...connectionOptions, ...address });
  const within = answersWithin(commandTimeoutMs, clock);
  let state: State = 'connecting';
  let info: RedisInfo | undefined;
  let trouble: string | undefined = 'not connected yet';
  let failures = 0;
  let connection = 0; // numbered, so that a late answer of an older one has no effect
  let pending = 0;
  let closed = false;
  let cancelPing = () => {};
  let cancelWatch = () => {};

  const become = (next: State) => {
    if (state === next || closed) return;
    state = next;
    onChange();
  };
  const verify = async () => {
    const mine = ++connection;
    cancelPing();
    become('connecting');
    try {
      const said = parseInfo(await within(redis.info()));
      if (mine !== connection) return;
      info = said;
      if (masterOnly && said.role !== 'master') throw new Error('it is a replica, and does not take writes');
      failures = 0;
      trouble = undefined;
      become('up');
    } catch (error) {
      if (mine !== connection) return;
      trouble = error instanceof Error ? error.message : String(error);
      redis.disconnect(true);
    }
  };
  const ping = (unanswered: number) => {
    const mine = connection;
    within(redis.ping()).then(
      () => {
        if (mine !== connection || state !== 'broken') return;
        failures = 0;
        trouble = undefined;
        become('up');
      },
      () => {
        if (mine !== connection || state !== 'broken' || closed) return;
        if (unanswered + 1 >= pingsMax) return redis.disconnect(true);
        cancelPing = clock.after(pingEveryMs, () => ping(unanswered + 1));
      },
    );
  };
  const failed = (error: unknown): Error => {
    const { error: interpreted, answered, unfit } = interpret(error, name);
    if (unfit) redis.disconnect(true);
    if (answered) failures = 0;
    else if (++failures >= failuresMax && state === 'up') {
      trouble = interpreted.message;
      become('broken');
      ping(0);
    }
    return interpreted;
  };
  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (state !== 'up') throw new StoreDown('gone', `Redis ${name} is unavailable: ${trouble ?? 'it does not answer'}.`);
    pending++;
    try {
      const reply = await within(ask());
      failures = 0;
      return reply;
    } catch (error) {
      throw failed(error);
    } finally {
      pending--;
    }
  };
  redis.on('error', (error) => {
    trouble = error.message;
  });
  reconnect(redis, clock, () => closed);
  redis.on('connect', () => {
    cancelWatch();
    cancelWatch = clock.after(readyWithinMs, () => redis.disconnect(true));
  });
  redis.on('ready', () => {
    cancelWatch();
    void verify();
  });
  redis.on('close', () => {
    cancelWatch();
    connection++;
    cancelPing();
    trouble ??= 'the connection was closed';
    become('connecting');
  });
  return {
    name,
    address,
    isUp: () => state === 'up',
    pending: () => pending,
    info: () => info,
    send: (command, words) => asked(() => redis.callBuffer(command, words as Word[]) as Promise<unknown>),
    sendTogether: (commands) => asked(() => Promise.all(commands.map(([command, ...words]) => redis.callBuffer(command, words) as Promise<unknown>))),
    verify: () => {
      if (redis.status === 'ready') void verify();
    },
    trouble: () => (state === 'up' ? undefined : trouble),
    close: () => {
      closed = true;
      cancelPing();
      cancelWatch();
      redis.disconnect();
    },
  };
}
