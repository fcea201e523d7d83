import type { UserCaller } from '../ports/call.ts';

/** Which streams of a device are older than its newest one, at whatever replica that is. */
export type Displacement = {
  /** Knows a stream of this replica until its signal is aborted. */
  add(device: string, id: string, signal: AbortSignal): void;
  /** A stream of the device was announced to all replicas. */
  announced(device: string, id: string): void;
};

/**
 * All replicas receive announcements in one order. A stream whose own announcement has come before is the older one; a
 * stream whose own is still to come is newer, and will displace the other.
 * @param displace closes a stream of this replica
 */
export function openDisplacement(displace: (id: string) => void): Displacement {
  /** By device: its streams with those that were announced to all. */
  const byDevice = new Map<string, Map<string, { announced: boolean }>>();
  return {
    add: (device, id, signal) => {
      const devices = byDevice.get(device) ?? new Map<string, { announced: boolean }>();
      byDevice.set(device, devices.set(id, { announced: false }));
      const remove = () => {
        devices.delete(id);
        if (devices.size === 0) byDevice.delete(device);
      };
      signal.addEventListener('abort', remove, { once: true });
    },
    announced: (device, id) => {
      for (const [other, state] of [...(byDevice.get(device) ?? [])]) {
        if (other === id) state.announced = true;
        else if (state.announced) displace(other);
      }
    },
  };
}

/** The device of a stream: named by its client, or that of its session. */
export function deviceOf({ userId, sessionId }: UserCaller, named: string): string | undefined {
  const device = named === '' ? sessionId : named;
  return device === undefined ? undefined : JSON.stringify([userId, device]);
}
