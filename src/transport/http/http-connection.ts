import type { Writable } from 'node:stream';
import type { Peer } from '../../core/ports/call.ts';
import type { Exchange } from '../exchange.ts';
import type { AbuseReason } from './transport-metrics.ts';

/** What a connection needs of its listener. */
export type ConnectionParts = {
  readonly peer: Peer;
  /** The budget of a status with its text, details and metadata. */
  readonly statusBytesMax: number;
  /** Bytes of an answer are passed on to the connection. */
  readonly wrote: (connection: Connection, bytes: number) => void;
  /** Reports why something of this client was refused or ended. */
  readonly report: (reason: AbuseReason) => void;
  /** The bytes that were passed on to the socket, and that the kernel has not taken yet. */
  readonly unsent: () => number;
  /** Ends the connection and all its calls. */
  readonly destroy: (reason: AbuseReason) => void;
};

/** One connection with the answers that are on their way on it. A class, because calls read and change its numbers. */
export class Connection {
  readonly parts: ConnectionParts;
  /** The exchanges that have not ended, in no order. */
  readonly open: Outgoing[] = [];
  /** Calls whose handlers have not ended: a client may reset its streams faster than they end. */
  running = 0;
  /** PING and SETTINGS frames of the client since the last bytes of an answer; half of them count no more later. */
  controlFrames = 0;
  /** An upper bound of the bytes that wait for the client: exact after each check. */
  queuedMost = 0;
  isWatched = false;
  /** The bytes that the kernel had not taken at the last check. */
  unsent = 0;
  #isCut = false;

  constructor(parts: ConnectionParts) {
    this.parts = parts;
  }

  opened(one: Outgoing): void {
    one.index = this.open.push(one) - 1;
  }

  closed(one: Outgoing): void {
    const last = this.open.pop();
    if (last === undefined || last === one) return;
    this.open[one.index] = last;
    last.index = one.index;
  }

  /** Ends it, and reports why: once, though it takes a moment until its calls are closed. */
  cut(reason: AbuseReason): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.parts.report(reason);
    this.parts.destroy(reason);
  }
}

/** A larger body leaves in pieces. Bytes. */
const wholeBytesMax = 65_536;
/** The payload of a DATA frame, unless a client asks for more (RFC 9113, section 6.5.2). Bytes. */
const pieceBytes = 16_384;

/** The bytes of one answer on their way to the client, and what the check of unread answers knows of them. */
export abstract class Outgoing {
  abstract readonly output: Writable;
  readonly connection: Connection;
  /** Its place in the connection's list. */
  index = 0;
  /** Bytes that were passed on so far. */
  written = 0;
  /** Bytes that had left at the last check, and how long no more have left since. */
  drained = 0;
  stuckForMs = 0;
  isCut = false;
  running: Exchange['running'];

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Ends the exchange, because its client does not read. */
  abstract cut(): void;

  get statusBytesMax(): number {
    return this.connection.parts.statusBytesMax;
  }

  /** Reports why something of this client was refused or ended. */
  report(reason: AbuseReason): void {
    this.connection.parts.report(reason);
  }

  /** @returns false when the client needs time to read: `output` then emits "drain" */
  write(bytes: Uint8Array): boolean {
    const { byteLength } = bytes;
    this.#wrote(byteLength);
    if (byteLength <= wholeBytesMax) return this.output.write(bytes);
    Object.assign(this.output, { _writev: undefined }); // Node would pass all pieces on as one, and progress would not show
    let hasRoom = true;
    for (let at = 0; at < byteLength; at += pieceBytes) hasRoom = this.output.write(bytes.subarray(at, at + pieceBytes));
    return hasRoom;
  }

  /** Writes the last bytes. */
  end(bytes: Uint8Array): void {
    if (bytes.byteLength > wholeBytesMax) {
      this.write(bytes);
      this.output.end();
      return;
    }
    this.#wrote(bytes.byteLength);
    this.output.end(bytes);
  }

  #wrote(bytes: number): void {
    this.written += bytes;
    this.connection.controlFrames = 0;
    this.connection.parts.wrote(this.connection, bytes);
  }
}
