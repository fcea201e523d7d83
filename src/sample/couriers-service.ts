import { ServerError, Status } from 'nice-grpc';
import type { Clock } from '../core/kit/clock.ts';
import type { CourierServiceImplementation, TrackResponse } from '../gen/couriers/v1/courier.ts';
import { people } from './accounts-service.ts';
import { type Authorise, userOf } from './authorise-caller.ts';
import { centre, metresBetween, positionOf } from './courier-rounds.ts';
import { isActive, type Parcel, type Parcels, secondsLeft } from './parcels.ts';

const names = ['Carol', 'Emil', 'Nadja', 'Theo', 'Yusuf'] as const;
const answers = ['On my way!', 'At the next corner.', 'Shall I ring twice?', 'I will leave it with your neighbour.', 'See you in a minute.'] as const;
/** The interval of the positions of a tracked order. Milliseconds. */
const everyMs = 1_000;

const courierOf = ({ orderId }: Parcel) => Number(orderId) % names.length;
const minutesLeftOf = (parcel: Parcel, nowMs: number) => Math.ceil(secondsLeft(parcel, nowMs) / 60);

export const courierNameOf = (parcel: Parcel): string => names[courierOf(parcel)] ?? names[0];

/** What a courier says to a customer. @param n of the answers that questions get */
export function answerTo(text: string, n: number): string {
  return text.trim().endsWith('?') ? (answers[n % answers.length] ?? answers[0]) : 'Understood.';
}

/** Where the courier of a parcel is. */
export function trackOf(parcel: Parcel, nowMs: number): TrackResponse {
  const { orderId } = parcel;
  return { orderId, position: positionOf(courierOf(parcel), nowMs), at: new Date(nowMs), minutesLeft: minutesLeftOf(parcel, nowMs) };
}

/** Positions and messages of couriers. */
export function couriers(authorise: Authorise, parcels: Parcels, clock: Clock): CourierServiceImplementation {
  const own = (orderId: string, userId: string): Parcel => {
    const parcel = parcels.get(orderId);
    if (parcel?.userId !== userId) throw new ServerError(Status.NOT_FOUND, `There is no order ${orderId}.`);
    return parcel;
  };
  const minutesLeft = (parcel: Parcel) => minutesLeftOf(parcel, clock.nowMs());
  return {
    listNearby: async (_request, context) => {
      await userOf(authorise, context);
      const nearby = names
        .map((name, courier) => ({ name, distanceMetres: Math.round(metresBetween(centre, positionOf(courier, clock.nowMs()))) }))
        .sort((a, b) => a.distanceMetres - b.distanceMetres);
      return { couriers: nearby, pickupMinutes: Math.ceil((nearby[0]?.distanceMetres ?? 0) / 300) };
    },

    getDelivery: async ({ orderId }, context) => {
      const parcel = own(orderId, await userOf(authorise, context));
      if (!isActive(parcel)) throw new ServerError(Status.NOT_FOUND, `The order ${orderId} has no courier.`);
      return { courierName: courierNameOf(parcel), position: positionOf(courierOf(parcel), clock.nowMs()), minutesLeft: minutesLeft(parcel) };
    },

    async *track({ orderId, positionsMax }, context) {
      const userId = await userOf(authorise, context);
      for (let n = 0; positionsMax === 0 || n < positionsMax; n++) {
        const parcel = own(orderId, userId);
        if (!isActive(parcel)) return;
        if (n > 0) await pause(clock, everyMs, context.signal);
        yield trackOf(parcel, clock.nowMs());
      }
    },

    reportPositions: async (reports, context) => {
      if (people.get(await userOf(authorise, context))?.courier !== true)
        throw new ServerError(Status.PERMISSION_DENIED, 'Only couriers report positions.');
      let accepted = 0;
      let metres = 0;
      let last = undefined as Parameters<typeof metresBetween>[0] | undefined;
      for await (const { position } of reports) {
        if (position === undefined) continue;
        if (last !== undefined) metres += metresBetween(last, position);
        last = position;
        accepted++;
      }
      return { accepted, distanceMetres: Math.round(metres) };
    },

    async *talk(words, context) {
      const userId = await userOf(authorise, context);
      let parcel: Parcel | undefined;
      let n = 0;
      for await (const { orderId, text } of words) {
        parcel ??= own(orderId, userId);
        const answer = answerTo(text, n);
        if (text.trim().endsWith('?')) n++;
        yield { from: courierNameOf(parcel), text: answer, at: new Date(clock.nowMs()) };
      }
    },
  };
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = clock.after(ms, () => {
      signal.removeEventListener('abort', aborted);
      resolve();
    });
    const aborted = () => {
      stop();
      reject(signal.reason);
    };
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  });
}
