import type { TransportCause } from '../../ports/upstream-transport.ts';

/** The largest answer in bytes, before and after decompression. */
export const answerBytesMax = 4_194_304;

/** The upstream violated gRPC. */
export class Malformed extends Error {
  readonly transportCause: Extract<TransportCause, 'protocol' | 'too_large'>;
  constructor(transportCause: Malformed['transportCause'], message: string) {
    super(message);
    this.name = 'Malformed';
    this.transportCause = transportCause;
  }
}

/** Flags and length before each message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const headBytes = 5;

/** Assembles messages from chunks of any size. */
export class MessageReader {
  // States: between messages (no chunks), within one (its chunks wait for the rest).
  private pieces: Buffer[] = [];
  private bytes = 0;
  /** The length of the current message, including its head; 0: the head is incomplete. */
  private needed = 0;
  private readonly bytesMax: number;
  private readonly onMessage: (body: Buffer, compressed: boolean) => void;

  /** @param bytesMax of one message on the wire */
  constructor(bytesMax: number, onMessage: (body: Buffer, compressed: boolean) => void) {
    this.bytesMax = bytesMax;
    this.onMessage = onMessage;
  }

  /** Whether a message is incomplete. */
  get within(): boolean {
    return this.bytes > 0;
  }

  /** @throws Malformed */
  read(chunk: Buffer): void {
    let rest = chunk;
    if (this.bytes > 0) {
      this.pieces.push(chunk);
      this.bytes += chunk.length;
      if (this.bytes < (this.needed || headBytes)) return;
      if (this.needed === 0) this.needed = this.sizeOf(this.whole());
      if (this.bytes < this.needed) return;
      rest = this.whole();
    }
    let at = 0;
    let needed = 0;
    while (rest.length - at >= headBytes) {
      needed = this.sizeOf(rest, at);
      if (rest.length - at < needed) break;
      this.onMessage(rest.subarray(at + headBytes, at + needed), rest[at] === 1);
      at += needed;
      needed = 0;
    }
    this.bytes = rest.length - at;
    this.pieces = this.bytes === 0 ? [] : [rest.subarray(at)];
    this.needed = needed;
  }

  private whole(): Buffer {
    const whole = this.pieces.length === 1 ? (this.pieces[0] as Buffer) : Buffer.concat(this.pieces, this.bytes);
    this.pieces = [whole];
    return whole;
  }

  private sizeOf(bytes: Buffer, at = 0): number {
    const flags = bytes[at] as number;
    if (flags > 1) throw new Malformed('protocol', `A message has the unknown flags ${flags}.`);
    const length = bytes.readUInt32BE(at + 1);
    if (length > this.bytesMax) throw new Malformed('too_large', `A message has ${length} bytes; at most ${this.bytesMax} are taken.`);
    return headBytes + length;
  }
}

/** An encoded message: the flag for no compression, its length, its bytes. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + message.byteLength);
  frame[0] = 0;
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, headBytes);
  return frame;
}
