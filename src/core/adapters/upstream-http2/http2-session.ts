import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Clock } from '../../kit/clock.ts';
import type { TransportCause, UpstreamTarget } from '../../ports/upstream-transport.ts';
import { connectMs, connectSocket } from './connect-socket.ts';
import { keepAlive } from './keepalive.ts';
import { type SocketAddress, textOf } from './upstream-address.ts';

/** A connection that accepts calls. */
export type Session = {
  readonly http2: ClientHttp2Session;
  /** "10.1.2.3:9000" */
  readonly peer: string;
  /** The number of open streams. */
  streams: number;
  /** The upstream accepts no new streams, and has not processed those with a higher id (RFC 9113, 6.8). */
  lastStreamId: number | undefined;
  /** Why the connection broke. */
  broken: string | undefined;
};

/** Why there is no connection. `detail` is for the log. */
export type ConnectFailure = { readonly cause: Extract<TransportCause, 'dns' | 'refused' | 'tls' | 'unreachable'>; readonly detail: string };

/**
 * The window of one connection, so that a few large answers do not wait for each other. Each stream has its own window
 * of 64 KiB, which bounds the buffer of a slow reader.
 */
const connectionWindowBytes = 1_048_576;
/** Above this Node refuses streams. Megabytes. */
const sessionMemoryMax = 256;

export type SessionParts = {
  readonly tls: UpstreamTarget['tls'];
  /** The `:authority` of its calls. */
  readonly authority: string;
  readonly clock: Clock;
};
export type SessionEvents = {
  /** It accepts calls: the upstream's SETTINGS have arrived, so it supports HTTP/2. */
  ready(session: Session): void;
  /** It accepts no new calls: the upstream sent GOAWAY, or it has ended. At most once, and only after `ready`. */
  left(session: Session): void;
  /** It failed before it was ready. */
  failed(failure: ConnectFailure): void;
  /** It has closed completely. */
  over(): void;
};

export type OpenedSession = { /** Accepts no new calls; open calls continue. */ leave(): void /** Ends its calls, too. */; destroy(): void };

/** Connects to one address. */
export function openSession(address: SocketAddress, { tls, authority, clock }: SessionParts, events: SessionEvents): OpenedSession {
  // States: connecting, ready, leaving (open streams continue).
  let state: 'connecting' | 'ready' | 'leaving' = 'connecting';
  const progress = { connected: false, secure: tls === undefined };
  let error: Error | undefined;
  const socket = connectSocket(address, tls, authority);
  socket.once('connect', () => {
    progress.connected = true;
  });
  socket.once('secureConnect', () => {
    progress.secure = true;
  });
  const http2 = connectHttp2(`${tls === undefined ? 'http' : 'https'}://${authority}`, {
    createConnection: () => socket,
    settings: { enablePush: false },
    maxSessionMemory: sessionMemoryMax,
  });
  const session: Session = { http2, peer: textOf(address), streams: 0, lastStreamId: undefined, broken: undefined };
  const broke = (why: Error) => {
    error ??= why;
    session.broken ??= why.message;
    socket.destroy(); // Node waits for a peer that may never answer
  };
  let cancelTimer = clock.after(connectMs, () => broke(new Error('It did not get ready in time.')));
  const leave = () => {
    if (state !== 'ready') return;
    state = 'leaving';
    events.left(session);
  };
  http2.once('connect', () => http2.setLocalWindowSize(connectionWindowBytes));
  http2.once('remoteSettings', () => {
    cancelTimer();
    if (state !== 'connecting') return;
    state = 'ready';
    http2.unref(); // a connection alone does not keep the process alive
    cancelTimer = keepAlive(session, clock, () => broke(new Error('It did not answer a ping.')));
    events.ready(session);
  });
  http2.on('goaway', (code, lastStreamId) => {
    session.lastStreamId = lastStreamId;
    if (code !== 0) session.broken = `It sent GOAWAY with code ${code}.`;
    leave();
  });
  let isOver = false;
  const over = () => {
    if (isOver) return;
    isOver = true;
    cancelTimer();
    session.broken ??= 'The connection was closed.';
    http2.destroy();
    if (state === 'connecting') events.failed(failureOf(session.peer, error, progress));
    leave();
    events.over();
  };
  http2.on('error', broke);
  socket.on('error', broke);
  http2.once('close', over);
  socket.once('close', over);
  return {
    leave: () => http2.close(),
    destroy: () => {
      http2.destroy();
      socket.destroy();
    },
  };
}

/** The cause of an error before the connection is ready. */
function failureOf(
  peer: string,
  error: Error | undefined,
  { connected, secure }: { readonly connected: boolean; readonly secure: boolean },
): ConnectFailure {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const detail = `${peer}: ${error?.message ?? 'closed before it was ready'}`;
  if (!connected) return { cause: code === 'ECONNREFUSED' || code === 'ENOENT' ? 'refused' : 'unreachable', detail };
  return { cause: !secure || /^ERR_(SSL|TLS)/.test(code) ? 'tls' : 'unreachable', detail };
}
