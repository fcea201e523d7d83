import { randomUUID } from 'node:crypto';
import type { Session } from '../../../src/core/ports/sessions.ts';

/** A session of a phone whose first token was given at a time, in milliseconds since 1970. */
export function newSession(userId: string, atMs: number, more: Partial<Session> = {}): Session {
  return {
    id: randomUUID(),
    userId,
    device: { platform: 'ios', name: 'phone', installationId: '' },
    scopes: [],
    claims: {},
    signedInAtMs: atMs,
    lastSeenAtMs: atMs,
    generation: 0,
    refreshHash: Buffer.alloc(32, 1),
    advancedAtMs: atMs,
    repeats: { generation: 0, inARow: 0 },
    revokedAtMs: undefined,
    ...more,
  };
}
