import type { Assumptions } from './assumptions.ts';
import type { Costs } from './costs.ts';
import { seededRandom } from './random-numbers.ts';
import { jitterSecondsFor, type Returned, simulateStorm } from './reconnect-storm.ts';
import type { Cluster } from './size-cluster.ts';

export type ZoneLoss = {
  readonly clients: number;
  /** What the remaining pods have CPU for, besides what they do for the clients they have. */
  readonly handshakesPossible: number;
  readonly handshakesPerSecond: number;
  readonly jitterSeconds: number;
  readonly atOnce: Returned;
  readonly spread: Returned;
};

/**
 * The clients of the lost zones come to the remaining ones: at once, as clients do whose first attempt has no wait, and
 * with the jitter that keeps them below the rate. What the remaining pods do for all clients is taken off their CPU.
 * @param rate the handshakes per second that are allowed; undefined: as many as the remaining pods have CPU for
 * @throws RangeError if they have none left, or if the return takes longer than a day
 */
export function loseZone(
  { count, cluster, assumptions: a, costs }: { count: number; cluster: Cluster; assumptions: Assumptions; costs: Costs },
  { rate, seed }: { readonly rate: number | undefined; readonly seed: number },
): ZoneLoss {
  const clients = Math.ceil((count * a.lostZones) / a.zones);
  const spareCores = cluster.pods.remaining * a.podCores * a.stormTarget - cluster.cores;
  const handshakesPossible = Math.floor((spareCores * 1e6 * a.coreSpeed) / costs.arrivalMicros);
  const handshakesPerSecond = rate ?? handshakesPossible;
  if (handshakesPerSecond < 1)
    throw new RangeError(`--storm-target ${a.stormTarget}: the remaining pods use more than that already. Set a lower --cpu-target.`);
  const jitterSeconds = jitterSecondsFor(clients, handshakesPerSecond);
  const storm = { clients, handshakesPerSecond };
  return {
    clients,
    handshakesPossible,
    handshakesPerSecond,
    jitterSeconds,
    atOnce: simulateStorm({ ...storm, jitterSeconds: 0 }, seededRandom(seed)),
    spread: simulateStorm({ ...storm, jitterSeconds }, seededRandom(seed)),
  };
}
