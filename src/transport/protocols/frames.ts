import { cutShort, notOne, tooLarge } from './request-body-faults.ts';

/**
 * A message of a stream with its flags: gRPC over HTTP/2, "Length-Prefixed-Message"; the Connect protocol's
 * "Enveloped-Message".
 */
export type Frame = { readonly flags: number; readonly bytes: Buffer };

/** Flag of a compressed message, in all protocols. */
export const compressedFlag = 1;
/** Flags, one byte, and the length, four. */
export const headBytes = 5;

/** A message of that length at most is kept with its frame. Bytes. */
const keptBytesMax = 65_536;
let kept: { readonly flags: number; readonly bytes: Uint8Array; readonly framed: Buffer } | undefined;

/** One frame as bytes. An event goes to many clients, one after the other: they share its frame. */
export function frame(flags: number, bytes: Uint8Array): Buffer {
  if (kept?.bytes === bytes && kept.flags === flags) return kept.framed;
  const framed = framedAnew(flags, bytes);
  if (bytes.byteLength <= keptBytesMax) kept = { flags, bytes, framed };
  return framed;
}

function framedAnew(flags: number, bytes: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headBytes + bytes.byteLength);
  framed[0] = flags;
  framed.writeUInt32BE(bytes.byteLength, 1);
  framed.set(bytes, headBytes);
  return framed;
}

/**
 * The only frame of a body.
 * @throws Fault when there is none or several, or it is cut short or larger than `bytesMax`
 */
export function onlyFrame(body: Buffer, bytesMax: number): Frame {
  if (body.length === 0) throw notOne('none');
  if (body.length < headBytes) throw cutShort();
  const length = body.readUInt32BE(1);
  if (length > bytesMax) throw tooLarge(bytesMax);
  const end = headBytes + length;
  if (body.length < end) throw cutShort();
  if (body.length > end) throw notOne('several');
  return { flags: body[0] ?? 0, bytes: body.subarray(headBytes) };
}

const nothing = Buffer.alloc(0);

/**
 * Extracts frames from a body as it arrives. A class, because it stores the bytes of an incomplete frame: in one buffer
 * that at most doubles, because a Buffer for each of many small chunks costs a hundred times their bytes.
 */
export class FrameReader {
  readonly #bytesMax: number;
  /** What has arrived and is not extracted is between `#from` and `#to`. */
  #buffer: Buffer = nothing;
  #from = 0;
  #to = 0;
  /** Otherwise the buffer is a chunk of somebody else, to which nothing can be added. */
  #isOwn = false;

  /** @param bytesMax of one message */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    if (this.isEmpty) {
      this.#buffer = chunk;
      this.#from = 0;
      this.#to = chunk.length;
      this.#isOwn = false;
      return;
    }
    if (!this.#isOwn || this.#to + chunk.length > this.#buffer.length) this.#grow(chunk.length);
    this.#to += chunk.copy(this.#buffer, this.#to);
  }

  /** Whether no frame is incomplete. */
  get isEmpty(): boolean {
    return this.#to === this.#from;
  }

  /** @throws Fault when the next frame is larger than `bytesMax`, as soon as its length has arrived */
  next(): Frame | undefined {
    if (this.#to - this.#from < headBytes) return undefined;
    const begin = this.#from + headBytes;
    const length = this.#buffer.readUInt32BE(begin - 4);
    if (length > this.#bytesMax) throw tooLarge(this.#bytesMax);
    if (this.#to < begin + length) return undefined;
    const frame = { flags: this.#buffer[this.#from] ?? 0, bytes: this.#buffer.subarray(begin, begin + length) };
    this.#from = begin + length;
    if (this.isEmpty) this.#buffer = nothing; // an idle stream holds no memory
    return frame;
  }

  /** Frames that were extracted stay in the buffer before. */
  #grow(more: number): void {
    const length = this.#to - this.#from;
    const grown = Buffer.allocUnsafeSlow(length + Math.max(more, length));
    this.#buffer.copy(grown, 0, this.#from, this.#to);
    this.#buffer = grown;
    this.#from = 0;
    this.#to = length;
    this.#isOwn = true;
  }
}
