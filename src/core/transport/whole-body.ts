import type { Readable } from 'node:stream';

const nothing = () => {};

/** A body that is collected until its end. Its states: it comes, then it is whole, or too long, or lost with its client. */
export class WholeBody {
  readonly #input: Readable;
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  state: 'comes' | 'whole' | 'too long' | 'lost' = 'comes';
  /** Called once, when it does not come any more. */
  onSettled: () => void = nothing;

  /** @param bytesMax above it nothing more is read */
  constructor(input: Readable, bytesMax: number) {
    this.#input = input;
    this.#bytesMax = bytesMax;
    input.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes > this.#bytesMax) {
        if (this.state !== 'comes') return;
        this.#input.pause();
        this.#settle('too long');
      } else this.#chunks.push(chunk);
    });
    input.once('end', () => this.#settle(input.closed ? 'lost' : 'whole')); // Node ends a stream that was reset as politely as any other
    input.once('close', () => this.#settle('lost'));
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
