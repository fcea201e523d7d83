import type { Clock } from '../../kit/clock.ts';
import type { Revocations } from '../../ports/revocations.ts';

/** Revocations in this process. Their number is bounded by the sessions that end within one token lifetime. */
export function memoryRevocations(clock: Clock): Revocations {
  const endsAtMs = new Map<string, number>();
  const callbacks = new Set<(sessionId: string) => void>();
  return {
    add: async (sessionId, ttlMs) => {
      const nowMs = clock.nowMs();
      for (const [id, end] of endsAtMs) {
        if (end > nowMs) break; // nearly in the order of their ends: a later call removes the rest
        endsAtMs.delete(id);
      }
      const known = nowMs < (endsAtMs.get(sessionId) ?? 0);
      const end = Math.max(endsAtMs.get(sessionId) ?? 0, nowMs + ttlMs);
      endsAtMs.delete(sessionId);
      endsAtMs.set(sessionId, end);
      if (!known) for (const callback of callbacks) callback(sessionId);
    },
    has: (sessionId) => {
      const end = endsAtMs.get(sessionId);
      return end !== undefined && clock.nowMs() < end;
    },
    onAdd: (callback) => {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
  };
}
