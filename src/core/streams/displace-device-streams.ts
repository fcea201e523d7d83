import type { UserCaller } from '../ports/call.ts';

/** Which streams of a device are older than its newest one, at whatever replica that is. */
export type Displacement = {
  /** Knows a stream of this replica until its signal is aborted. */
  add(device: string, id: string, signal: AbortSignal): void;
  /** Its announcement was sent. */
  sent(device: string, id: string): void;
  /** A stream of the device was announced to all replicas. */
  announced(device: string, id: string): void;
  /**
   * Once more, because the first announcement may have been lost.
   * @param ageMs for how long that stream was open then
   */
  repeated(device: string, id: string, ageMs: number): void;
};

type Own = {
  readonly beganMs: number;
  /** From when on it is older than what is announced. */
  olderFromMs: number;
};

/** The bus delivers a message within seconds, or has lost it. Milliseconds. */
const deliveredWithinMs = 10_000;

/**
 * All replicas receive announcements in one order. A stream whose own announcement has come before, or was lost, is the
 * older one; a stream whose own is still to come is newer, and will displace the other.
 * @param displace closes a stream of this replica
 * @param nowMs monotonic milliseconds
 */
export function openDisplacement(displace: (id: string) => void, nowMs: () => number): Displacement {
  /** By device: its streams. */
  const byDevice = new Map<string, Map<string, Own>>();
  return {
    add: (device, id, signal) => {
      const devices = byDevice.get(device) ?? new Map<string, Own>();
      byDevice.set(device, devices.set(id, { beganMs: nowMs(), olderFromMs: Number.POSITIVE_INFINITY }));
      const remove = () => {
        devices.delete(id);
        if (devices.size === 0) byDevice.delete(device);
      };
      signal.addEventListener('abort', remove, { once: true });
    },
    sent: (device, id) => {
      const own = byDevice.get(device)?.get(id);
      if (own !== undefined) own.olderFromMs = Math.min(own.olderFromMs, nowMs() + deliveredWithinMs);
    },
    announced: (device, id) => {
      for (const [other, state] of [...(byDevice.get(device) ?? [])]) {
        if (other === id) state.olderFromMs = nowMs();
        else if (state.olderFromMs <= nowMs()) displace(other);
      }
    },
    repeated: (device, id, ageMs) => {
      // ages are compared, not times: the clocks of replicas differ
      for (const [other, { beganMs }] of [...(byDevice.get(device) ?? [])])
        if (other !== id && nowMs() - beganMs > ageMs + deliveredWithinMs) displace(other);
    },
  };
}

/** The device of a stream: named by its client, or that of its session. */
export function deviceOf({ userId, sessionId }: UserCaller, named: string): string | undefined {
  const device = named === '' ? sessionId : named;
  return device === undefined ? undefined : JSON.stringify([userId, device]);
}
