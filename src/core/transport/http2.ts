import {
  constants,
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Peer } from '../ports/call.ts';
import type { NodeServerResponse } from './connect-edge.ts';
import { fence } from './fence.ts';
import type { FrontOptions, FrontTimers } from './front-options.ts';
import { cleanHeaders } from './incoming.ts';
import { nobody, peerOf } from './peer.ts';
import { refuseGrpc } from './refusal.ts';
import type { RequestTimes } from './request-times.ts';
import { asFault, serveHttp, unknownMethod } from './serve-http.ts';

/** Limits of one HTTP/2 connection: Envoy's edge guide, and docs/reference/protocols.md. grpc-js's own options do not reach these sessions. */
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

/** The HTTP/2 server. It never listens: the front hands it its connections, and it hands gRPC's streams to nice-grpc and the others to Connect. */
export function createHttp2(options: FrontOptions, sessions: Set<ServerHttp2Session>, timers: FrontTimers, times: RequestTimes): Http2Server {
  const { grpc, clock } = options;
  const server = createServer(http2Options as Parameters<typeof createServer>[0]);
  const compat = createServer((request, response) => {
    serveHttp(options, request, response as unknown as NodeServerResponse, peerOf(request.stream.session?.socket));
  });
  const peers = new WeakMap<Http2Session, Peer>();
  /** Streams that are open on each session. */
  const streams = new WeakMap<Http2Session, number>();
  const count = (session: Http2Session, by: number) => streams.set(session, (streams.get(session) ?? 0) + by);
  server.on('session', (session) => {
    fence(session, (error) => {
      options.reportDefect('connection', error);
      session.destroy();
    });
    sessions.add(session);
    peers.set(session, peerOf(session.socket));
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
    const cancel = clock.after(timers.prefaceMs, () => session.destroy());
    session.once('remoteSettings', cancel);
    session.once('close', cancel);
    session.setTimeout(timers.idleMs, () => {
      if (!session.closed && (streams.get(session) ?? 0) === 0) session.close(); // a quiet stream is a call too
    });
    grpc.session(session); // keepalive, age and idle of grpc-js apply
  });
  server.on('sessionError', () => {});
  const serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]) => {
    const { session } = stream; // unset once the stream has closed
    if (session !== undefined) count(session, 1);
    const path = headers[':path'] ?? '';
    const forget = times.watch(path, {
      isWhole: () => stream.destroyed || stream.readableEnded || stream.state.remoteClose === 1,
      end: () => stream.close(constants.NGHTTP2_CANCEL),
    });
    let leave = nothing;
    stream.once('close', () => {
      forget();
      leave();
      if (session !== undefined) count(session, -1);
    });
    const contentType = headers['content-type'];
    if (contentType === undefined || !/^application\/grpc(?:[+;]|$)/.test(contentType)) {
      compat.emit('stream', stream, headers, flags, rawHeaders);
      return;
    }
    try {
      if (!options.knows(path)) throw unknownMethod(path);
      const word = cleanHeaders(headers, (session && peers.get(session)) ?? nobody, clock.nowMs(), rawHeaders);
      leave = grpc.take(stream, headers, word);
    } catch (error) {
      refuseGrpc(stream, options.refusal(asFault(error, options), String(headers['accept-language'] ?? '')));
    }
  };
  // Only a stream listener: with a request listener Node would answer gRPC streams too.
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]) => {
    // What one stream throws ends that stream, and no other.
    const failed = (error: unknown) => {
      options.reportDefect('stream', error);
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    };
    fence(stream, failed);
    stream.on('error', () => {});
    if (stream.destroyed || stream.closed) return; // reset in the same breath: there is nobody to answer
    try {
      serve(stream, headers, flags, rawHeaders);
    } catch (error) {
      failed(error);
    }
  });
  return server;
}
