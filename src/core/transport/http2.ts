import { EventEmitter } from 'node:events';
import { constants, createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Edge } from './edge.ts';
import { fence, fenceOf } from './fence.ts';
import type { FrontOptions, FrontTimers } from './front-options.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { peerOf } from './peer.ts';
import type { RequestTimes } from './request-times.ts';
import type { Sessions } from './sessions.ts';

/** Limits of one HTTP/2 connection: Envoy's edge guide, and docs/reference/protocols.md. */
const http2Options = {
  settings: { maxConcurrentStreams: 100, maxHeaderListSize: 16_384, enablePush: false, enableConnectProtocol: false },
  maxSessionMemory: 16, // MB
  maxHeaderListPairs: 64,
  streamResetBurst: 200,
  streamResetRate: 20, // a second
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
};

const nothing = () => {};

/**
 * Collections of young objects spare a closed stream for a while, with all that its listeners hold: the whole call.
 * Measured under load: 12 MB instead of 3 MB survived each of them. Listeners of the present event still run.
 */
function forget(stream: ServerHttp2Stream): void {
  EventEmitter.prototype.removeAllListeners.call(stream); // a stream's own one takes another tick
  stream.on('error', nothing);
}

/** Concurrent calls of one connection, including those that the client has reset (Go's server counts them, too). */
const runningMax = 100;

export type Http2Parts = {
  readonly timers: FrontTimers;
  readonly sessions: Sessions;
  readonly times: RequestTimes;
  readonly serve: Edge;
};

/** The HTTP/2 server. It never listens: the front passes connections to it. */
export function createHttp2(
  { clock, reportDefect }: Pick<FrontOptions, 'clock' | 'reportDefect'>,
  { timers, sessions, times, serve }: Http2Parts,
): Http2Server {
  const server = createServer(http2Options as Parameters<typeof createServer>[0]);
  /** An error of one stream ends only that stream. */
  const failed = (stream: ServerHttp2Stream, error: unknown) => {
    reportDefect('stream', error);
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  };
  const fenceStream = fenceOf(failed);
  server.on('session', (session: ServerHttp2Session) => {
    fence(session, (error) => {
      reportDefect('connection', error);
      session.destroy();
    });
    session.on('error', () => {});
    sessions.add(session, peerOf(session.socket));
    const cancel = clock.after(timers.prefaceMs, () => session.destroy());
    session.once('remoteSettings', cancel);
    session.once('close', cancel);
  });
  server.on('sessionError', () => {});
  // Only a stream listener: with a request listener Node would answer each stream, too.
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
    fenceStream(stream);
    stream.on('error', nothing);
    const session = sessions.get(stream.session as ServerHttp2Session | undefined);
    if (session === undefined || stream.destroyed || stream.closed) return; // already reset: no client waits for an answer
    session.streams++;
    stream.on('close', () => {
      session.streams--;
      session.idleForMs = 0;
      forget(stream);
    });
    if (session.running >= runningMax) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    session.running++;
    const handled = () => session.running--;
    try {
      serve(new Http2Exchange(stream, { headers, rawHeaders }, session.peer, times), handled);
    } catch (error) {
      failed(stream, error);
    }
  });
  return server;
}
