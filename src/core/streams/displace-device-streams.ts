import type { UserCaller } from '../ports/call.ts';

/** Which streams of a device are older than its newest one, at whatever replica that is. */
export type Displacement = {
  /** Knows a stream of this replica until its signal is aborted. */
  add(device: string, id: string, signal: AbortSignal): void;
  /** Its announcement was sent. */
  sent(device: string, id: string): void;
  /** A stream of the device was announced to all replicas. */
  announced(device: string, id: string): void;
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
  /** By device: its streams, and from when on each of them is older than what is announced. */
  const byDevice = new Map<string, Map<string, { olderFromMs: number }>>();
  return {
    add: (device, id, signal) => {
      const devices = byDevice.get(device) ?? new Map<string, { olderFromMs: number }>();
      byDevice.set(device, devices.set(id, { olderFromMs: Number.POSITIVE_INFINITY }));
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
  };
}

/** The device of a stream: named by its client, or that of its session. */
export function deviceOf({ userId, sessionId }: UserCaller, named: string): string | undefined {
  const device = named === '' ? sessionId : named;
  return device === undefined ? undefined : JSON.stringify([userId, device]);
}
