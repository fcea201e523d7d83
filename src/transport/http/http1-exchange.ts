import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Peer } from '../../core/ports/call.ts';
import type { Exchange, RespondHow } from '../exchange.ts';
import { type Connection, Outgoing } from './http-connection.ts';
import { type RequestTimeouts, restMs } from './request-timeouts.ts';

/** A request of HTTP/1.1 as an exchange. */
export class Http1Exchange extends Outgoing implements Exchange {
  readonly version = 1;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  rawHeaders: readonly string[];
  readonly peer: Peer;
  readonly input: IncomingMessage;
  readonly output: ServerResponse;
  readonly #times: RequestTimeouts;
  also: Exchange['also'];

  constructor(request: IncomingMessage, response: ServerResponse, connection: Connection, times: RequestTimeouts) {
    super(connection);
    const { headers, rawHeaders } = request;
    const target = originForm(request);
    if (countOf('host', rawHeaders) > 1) headers.host = '/'; // refused as invalid; Node would use the first (RFC 9112, section 3.2)
    const at = target.indexOf('?');
    this.method = request.method ?? '';
    this.path = at < 0 ? target : target.slice(0, at);
    this.query = at < 0 ? '' : target.slice(at + 1);
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.peer = connection.parts.peer;
    this.input = request;
    this.output = response;
    this.#times = times;
  }

  respond(status: number, headers: OutgoingHttpHeaders, { only = false }: RespondHow = {}): void {
    const { output } = this;
    if (this.isClosed() || output.headersSent) return;
    this.also?.(headers);
    if (!this.isWhole()) {
      headers.connection = 'close'; // the rest of the request precedes the next one (RFC 9112, section 9.3)
      this.#linger(this.input.socket);
    }
    if (only && status !== 304 && status !== 204) headers['content-length'] ??= 0; // HEAD has that of GET
    output.writeHead(status, headers);
    if (only) output.end();
  }

  isWhole(): boolean {
    const { complete, headers } = this.input; // Node sets it after the answer where a request has no body
    return complete || ((headers['content-length'] ?? '0') === '0' && headers['transfer-encoding'] === undefined);
  }

  isClosed(): boolean {
    return this.output.destroyed || this.output.socket?.destroyed === true;
  }

  tooLate(): void {
    refuseSocket(this.input.socket, '408 Request Timeout');
  }

  cut(): void {
    this.input.socket.destroy();
  }

  /**
   * Closes in two steps: a socket that is closed with unread bytes resets the connection, and the client loses the
   * answer (RFC 9112, section 9.6). The rest is read and discarded for a short time.
   */
  #linger(socket: Socket): void {
    const { input } = this;
    socket.destroySoon = () => {
      if (socket.destroyed) return;
      socket.end();
      for (const event of ['data', 'readable']) input.removeAllListeners(event);
      input.resume();
      const forget = this.#times.watch({ isWhole: () => socket.destroyed, end: () => this.connection.cut('rest_refused') }, restMs);
      socket.once('close', forget);
    };
  }
}

/** A proxy may send the whole URL (RFC 9112, section 3.2.2). Its path is used, and its host in place of the header. */
function originForm({ url = '', headers }: IncomingMessage): string {
  const [, host, rest = ''] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url) ?? [];
  if (host === undefined) return url;
  headers.host = host;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function countOf(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((header, i) => i % 2 === 0 && header.length === name.length && header.toLowerCase() === name).length;
}

/** Responds in plain HTTP with the reason, if nothing was sent yet. */
export function refuseSocket(socket: Socket, status: string): void {
  if (socket.writable && socket.bytesWritten === 0) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  socket.destroySoon();
}
