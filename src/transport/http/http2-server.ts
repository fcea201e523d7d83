import { EventEmitter } from 'node:events';
import { constants, type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Edge } from '../exchange-to-call.ts';
import type { FrontOptions, FrontTimers } from '../front-options.ts';
import { confine, confinerOf } from './confine-errors.ts';
import type { Connection } from './http-connection.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { abuseGoaway } from './http2-goaway.ts';
import type { ConnectionLifetimes } from './http2-keepalive-and-age.ts';
import { controlFramesMax, http2Options, resetsMany, runningMax } from './http2-limits.ts';
import type { RequestTimeouts } from './request-timeouts.ts';

const nothing = () => {};

/** After the refusal of a request that needs no body: its client does not send it (RFC 9110, section 10.1.1). */
function mayContinue(stream: ServerHttp2Stream): void {
  if (!stream.headersSent && !stream.closed && !stream.destroyed) stream.additionalHeaders({ ':status': 100 });
}

/**
 * Collections of young objects spare a closed stream for a while, with all that its listeners hold: the whole call.
 * Measured under load: 12 MB instead of 3 MB survived each of them. Listeners of the present event still run.
 */
function forget(stream: ServerHttp2Stream): void {
  EventEmitter.prototype.removeAllListeners.call(stream); // a stream's own one takes another tick
}

/** Errors of a connection whose client sent what is no HTTP/2, or too many frames that have no effect. */
const malformed = new Set(['ERR_HTTP2_ERROR', 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES']);

export type Http2Parts = {
  readonly timers: FrontTimers;
  readonly sessions: ConnectionLifetimes;
  readonly times: RequestTimeouts;
  readonly serve: Edge;
  readonly connect: (socket: Socket, destroy: (reason: string) => void) => Connection;
};

/** @returns serves HTTP/2 on a connection, as a session */
export function createHttp2(
  { clock, reportDefect, reports }: Pick<FrontOptions, 'clock' | 'reportDefect' | 'reports'>,
  { timers, sessions, times, serve, connect }: Http2Parts,
): (socket: Socket) => ServerHttp2Session {
  /** An error of one stream ends only that stream. In the tick of its writes `close` can make Node 24 spin for ever. */
  const failed = (stream: ServerHttp2Stream, error: unknown) => {
    reportDefect('stream', error);
    stream.destroy(new Error('The stream failed by a defect.'));
  };
  const confineStream = confinerOf(failed);
  return (socket) => {
    const session = performServerHandshake(socket, http2Options as Parameters<typeof performServerHandshake>[1]);
    const connection = connect(socket, (reason) => {
      if (session.destroyed) return;
      reports.goaway('server');
      abuseGoaway(session, reason);
    });
    const kept = sessions.add({ session, socket, connection });
    confine(session, (error) => {
      reportDefect('connection', error);
      session.destroy();
    });
    session.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code !== undefined && malformed.has(code)) connection.parts.report(kept.resets >= resetsMany ? 'resets' : 'http_malformed');
    });
    session.on('goaway', () => reports.goaway('client'));
    const control = () => {
      if (++connection.controlFrames > controlFramesMax) connection.cut('control_frames');
    };
    session.on('ping', control);
    session.on('remoteSettings', control);
    const cancel = clock.after(timers.prefaceMs, () => connection.cut('preface_timeout'));
    session.once('remoteSettings', cancel);
    session.once('close', cancel);
    const countReset = ({ rstCode }: ServerHttp2Stream) => {
      if (rstCode === constants.NGHTTP2_NO_ERROR) return;
      kept.resets++;
      reports.reset(rstCode);
    };
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
      confineStream(stream);
      stream.on('error', nothing);
      if (stream.destroyed || stream.closed) return countReset(stream); // already reset: no client waits for an answer
      const exchange = new Http2Exchange(stream, { headers, rawHeaders }, connection, times);
      connection.opened(exchange);
      connection.controlFrames = 0;
      stream.on('close', () => {
        connection.closed(exchange);
        kept.idleForMs = 0;
        countReset(stream);
        forget(stream);
      });
      if (connection.running >= runningMax) {
        exchange.report('running_full');
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      connection.running++;
      try {
        serve(exchange, () => connection.running--);
        if (headers.expect === '100-continue') setImmediate(() => mayContinue(stream));
      } catch (error) {
        connection.running--;
        failed(stream, error);
      }
    });
    return session;
  };
}
