import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { StoreDown } from '../kit/store-down.ts';
import type { Bus } from '../ports/bus.ts';
import type { Log } from '../ports/log.ts';
import { type Close, closeFor, stayAway } from './close-advice.ts';
import { openDisplacement } from './displace-device-streams.ts';
import { closeSpread, drainStreams } from './drain-streams.ts';
import { eachInTurns, type Turns } from './event-loop-turns.ts';
import type { Stream } from './stream.ts';
import { openStreamPlaces, type StreamLimits, type StreamPlaces } from './stream-limits.ts';

/** A stream in the registry. */
export type Registered = {
  readonly stream: Stream;
  readonly userId: string;
  readonly sessionId: string | undefined;
};

/** The streams of this replica, and what concerns streams at all replicas. */
export type Registry = StreamPlaces & {
  /**
   * Adds a stream until it is closed. It displaces older streams of the device, at whatever replica.
   * @param device of the user; undefined: the stream displaces none
   */
  add(registered: Registered, device: string | undefined): void;
  find(id: string): Registered | undefined;
  count(): number;
  /** Closes the streams of a user, or of one of the user's sessions, at every replica. @throws Fault STORE_DOWN */
  disconnect(userId: string, sessionId: string | undefined, resume: boolean): Promise<void>;
  /** See `drainStreams`. @returns how many there are */
  drain(spreadMs: number, graceMs: number): number;
  /** Closes all streams of this replica: see `closeSpread`. */
  closeAll(spreadMs: number, closeOf: () => Close | undefined): void;
  close(): void;
};

type Notice =
  | { readonly kind: 'opened'; readonly device: string; readonly id: string }
  | { readonly kind: 'disconnect'; readonly userId: string; readonly sessionId?: string | undefined; readonly resume: boolean };

/** The same once more, on a topic of its own: an older release would look at all streams for it. */
type Repetition = { readonly device: string; readonly id: string; readonly ageMs: number };

export type RegistryParts = {
  readonly bus: Bus;
  readonly limits: Pick<StreamLimits, 'perUser' | 'perAddress' | 'beginsPerSecond'>;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly turns: Turns;
  /** Of the service: its streams know nothing of those of others. */
  readonly topic: string;
};

/** A stream is announced again after these times, each up to as much again: streams that begin at once do so apart. */
const repeatAfterMs = [15_000, 60_000];

export function openRegistry({ bus, limits, clock, random, log, turns, topic }: RegistryParts): Registry {
  const streams = new Map<string, Registered>();
  const displaced = closeFor('STREAM_DISPLACED', 'The device has opened another stream.');
  const displacement = openDisplacement((id) => streams.get(id)?.stream.close(displaced), clock.monotonicMs);
  const leaving = new AbortController();

  const onNotice = (notice: Notice) => {
    if (notice.kind === 'opened') return displacement.announced(notice.device, notice.id);
    const close = closeFor('DISCONNECTED', 'An internal service has closed the streams of this user.');
    const isMeant = ({ userId, sessionId }: Registered) =>
      userId === notice.userId && (notice.sessionId === undefined || notice.sessionId === sessionId);
    eachInTurns(turns, [...streams.values()].filter(isMeant), ({ stream }) => stream.close(notice.resume ? close : stayAway(close)));
  };
  const onRepetition = ({ device, id, ageMs }: Repetition) => displacement.repeated(device, id, ageMs);
  const repetitions = `${topic}.open`;
  const receive = <Message>(from: string, onMessage: (message: Message) => void) => {
    const onBytes = (bytes: Uint8Array) => onMessage(JSON.parse(Buffer.from(bytes).toString()) as Message);
    bus.subscribe(from, { onMessage: onBytes, onGap: () => {} }, leaving.signal).catch(() => {}); // ended only by closing
  };
  receive(topic, onNotice);
  receive(repetitions, onRepetition);
  const publish = (notice: Notice) => bus.publish(topic, Buffer.from(JSON.stringify(notice)));
  const failed = (error: unknown) => {
    if (!(error instanceof StoreDown)) log.error('A stream could not be announced.', { error });
  };
  /** The bus may have lost the announcement with none of the device after it. */
  const repeatLater = (device: string, { id, signal }: Stream) => {
    const beganMs = clock.monotonicMs();
    const repeat = (waits: readonly number[]) => {
      const [waitMs, ...rest] = waits;
      if (waitMs === undefined) return;
      cancel = clock.after(waitMs * (1 + random()), () => {
        const repetition: Repetition = { device, id, ageMs: clock.monotonicMs() - beganMs };
        bus.publish(repetitions, Buffer.from(JSON.stringify(repetition))).catch(failed);
        repeat(rest);
      });
    };
    let cancel = () => {};
    repeat(repeatAfterMs);
    signal.addEventListener('abort', () => cancel(), { once: true });
  };

  return {
    ...openStreamPlaces(limits, clock),
    add: (registered, device) => {
      const { stream } = registered;
      if (stream.signal.aborted) return;
      streams.set(stream.id, registered);
      stream.signal.addEventListener('abort', () => streams.delete(stream.id), { once: true });
      if (device === undefined) return;
      displacement.add(device, stream.id, stream.signal);
      repeatLater(device, stream);
      publish({ kind: 'opened', device, id: stream.id }).then(
        () => displacement.sent(device, stream.id),
        (error: unknown) => {
          failed(error);
          displacement.announced(device, stream.id); // at least to this replica
        },
      );
    },
    find: (id) => streams.get(id),
    count: () => streams.size,
    disconnect: async (userId, sessionId, resume) => {
      try {
        await publish({ kind: 'disconnect', userId, sessionId, resume });
      } catch (cause) {
        if (!(cause instanceof StoreDown)) throw cause;
        throw new Fault('STORE_DOWN', 'The store that all replicas share did not take the message. Try again.', { retryAfterMs: 1_000, cause });
      }
    },
    drain: (spreadMs, graceMs) => drainStreams([...streams.values()], { spreadMs, graceMs, random, turns }),
    closeAll: (spreadMs, closeOf) => closeSpread([...streams.values()], { spreadMs, random, clock }, closeOf),
    close: () => {
      leaving.abort();
      for (const { stream } of [...streams.values()]) stream.close(closeFor('DRAINING', 'The server is stopping.'));
    },
  };
}
