import { constants, type ServerHttp2Session } from 'node:http2';

/**
 * The time between the two GOAWAYs of a connection, in which its client receives the first one: in a drain (grpc-go
 * waits a round trip), and at the end of a connection that is old or idle, which nothing hurries. Milliseconds.
 */
export const goawayMs = { drain: 100, age: 1_000 } as const;

/**
 * The first of two (RFC 9113, section 6.8): no new streams; those that are sent meanwhile are accepted. The second one,
 * with the last stream id, is `session.close()`.
 */
export function announceGoaway(session: ServerHttp2Session): void {
  session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
}

/** Ends a connection with all its streams, because its client costs too much. */
export function abuseGoaway(session: ServerHttp2Session, reason: string): void {
  session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from(reason));
  session.destroy(new Error(reason), constants.NGHTTP2_ENHANCE_YOUR_CALM); // without an error the code would be 0
}
