import { constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Clock } from '../../kit/clock.ts';
import { type OpenedSession, openSession, type Session } from '../upstream-http2/http2-session.ts';

/** The answer to a request, or why there is none. */
export type ApnsReply =
  | { readonly status: number; readonly body: string; readonly retryAfter: string | undefined }
  /** `mayBeSent`: the other side may have taken the request. `unconnected`: there is no connection at all. */
  | { readonly failure: string; readonly mayBeSent: boolean; readonly unconnected: boolean };

export type ApnsConnection = {
  /** It never rejects. */
  request(headers: OutgoingHttpHeaders, body: string, signal: AbortSignal): Promise<ApnsReply>;
  close(): void;
};

/** A larger answer is none of APNs. */
const answerBytesMax = 16_384;
/** How often a request that was not taken is sent on another connection. */
const attemptsMax = 3;

/** A connection to one address, made when it is needed, and made anew after a GOAWAY. */
export function openApnsConnection(url: string, clock: Clock): ApnsConnection {
  const { protocol, hostname, port, host } = new URL(url);
  const isTls = protocol === 'https:';
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (isTls ? 443 : 80) };
  const opened = new Set<OpenedSession>();
  /** Takes a connection for nothing more: its requests that are under way may still be answered. */
  const leaves = new WeakMap<Session, () => void>();
  let current: Promise<Session | string> | undefined;
  let closed = false;

  const connect = (): Promise<Session | string> => {
    const { promise, resolve } = Promise.withResolvers<Session | string>();
    const forget = () => {
      if (current === promise) current = undefined;
    };
    const session = openSession(
      address,
      { tls: isTls ? {} : undefined, authority: host, clock },
      {
        ready: (ready) => {
          leaves.set(ready, () => {
            forget();
            session.leave();
          });
          resolve(ready);
        },
        left: forget,
        failed: ({ detail }) => {
          forget();
          resolve(detail);
        },
        over: () => opened.delete(session),
      },
    );
    opened.add(session);
    return promise;
  };
  return {
    request: async (headers, body, signal) => {
      for (let attempt = 1; ; attempt++) {
        if (closed || signal.aborted) return { failure: 'It was not sent in time.', mayBeSent: false, unconnected: false };
        current ??= connect();
        const session = await orAborted(current, signal);
        if (typeof session === 'string') return { failure: session, mayBeSent: false, unconnected: true };
        const reply = await ask(session, { ':authority': host, ...headers }, body, signal);
        if (signal.aborted) leaves.get(session)?.(); // what does not answer may be a connection that is cut
        if (!('failure' in reply) || reply.mayBeSent || attempt === attemptsMax) return reply;
      }
    },
    close: () => {
      closed = true;
      for (const session of opened) session.destroy();
    },
  };
}

function orAborted(connecting: Promise<Session | string>, signal: AbortSignal): Promise<Session | string> {
  return new Promise((resolve) => {
    const leave = () => resolve('It was not connected in time.');
    signal.addEventListener('abort', leave, { once: true });
    void connecting.then((session) => {
      signal.removeEventListener('abort', leave);
      resolve(session);
    });
  });
}

function ask(session: Session, headers: OutgoingHttpHeaders, body: string, signal: AbortSignal): Promise<ApnsReply> {
  return new Promise((resolve) => {
    const unsent = (failure: string): ApnsReply => ({ failure, mayBeSent: false, unconnected: false });
    if (session.http2.closed || session.http2.destroyed || session.lastStreamId !== undefined) return resolve(unsent('The connection has ended.'));
    const stream = session.http2.request(headers);
    session.streams++;
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    let retryAfter: string | undefined;
    let whole = false;
    const end = () => stream.close(constants.NGHTTP2_CANCEL);
    signal.addEventListener('abort', end, { once: true });
    stream.on('response', (received) => {
      status = Number(received[':status']);
      retryAfter = received['retry-after'];
    });
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > answerBytesMax) end();
      else chunks.push(chunk);
    });
    stream.once('end', () => {
      whole = status !== 0 && size <= answerBytesMax;
    });
    stream.on('error', () => {}); // "close" says it
    stream.once('close', () => {
      session.streams--;
      signal.removeEventListener('abort', end);
      // a stream that is reset ends, too
      if (whole && stream.rstCode === constants.NGHTTP2_NO_ERROR)
        return resolve({ status, body: Buffer.concat(chunks).toString('utf8'), retryAfter });
      // RFC 9113, 8.7: neither a refused stream nor one above the last of a GOAWAY was processed
      const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
      const isAbove = session.lastStreamId !== undefined && stream.id !== undefined && stream.id > session.lastStreamId;
      if (stream.id === undefined || isRefused || isAbove) return resolve(unsent(session.broken ?? 'The stream was refused.'));
      const why = signal.aborted ? 'It did not answer in time.' : (session.broken ?? `The stream ended with code ${stream.rstCode}.`);
      resolve({ failure: why, mayBeSent: true, unconnected: false });
    });
    stream.end(body);
  });
}
