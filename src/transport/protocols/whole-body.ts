import type { Readable } from 'node:stream';

const nothing = () => {};

/** Small chunks are copied together: a Buffer of one byte costs a hundred. Bytes. */
const pageBytes = 4_096;

/** A body that is collected until its end. Its states: receiving, then whole, too long, or lost with its client. */
export class WholeBody {
  readonly #input: Readable;
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #page: Buffer | undefined;
  #pageUsed = 0;
  state: 'comes' | 'whole' | 'too long' | 'lost' = 'comes';
  /** Called once when the body has ended or is lost. */
  onSettled: () => void = nothing;

  /** @param bytesMax reading stops above it */
  constructor(input: Readable, bytesMax: number) {
    this.#input = input;
    this.#bytesMax = bytesMax;
    input.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes > this.#bytesMax) {
        if (this.state !== 'comes') return;
        this.#input.pause();
        this.#settle('too long');
      } else this.#keep(chunk);
    });
    input.on('end', () => this.#settle(input.closed ? 'lost' : 'whole')); // Node also emits 'end' for a stream that was reset
    input.on('close', () => this.#settle('lost'));
  }

  /** The first chunk and large ones stay as they are, which is the usual case. */
  #keep(chunk: Buffer): void {
    if (this.#chunks.length === 0 || chunk.length >= pageBytes / 4) {
      this.#page = undefined;
      this.#chunks.push(chunk);
      return;
    }
    if (this.#page === undefined || this.#pageUsed + chunk.length > pageBytes) {
      this.#page = Buffer.allocUnsafeSlow(pageBytes);
      this.#pageUsed = 0;
      this.#chunks.push(this.#page.subarray(0, 0));
    }
    chunk.copy(this.#page, this.#pageUsed);
    this.#pageUsed += chunk.length;
    this.#chunks[this.#chunks.length - 1] = this.#page.subarray(0, this.#pageUsed);
  }

  /** The bytes so far. */
  bytes(): Buffer {
    const [first] = this.#chunks;
    return this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
  }

  #settle(state: 'whole' | 'too long' | 'lost'): void {
    if (this.state !== 'comes') return;
    this.state = state;
    this.onSettled();
  }
}
