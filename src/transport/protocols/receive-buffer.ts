const nothing = Buffer.alloc(0);

/** Smaller chunks are copied together: a Buffer of one byte costs a hundred. Bytes. */
const keptBytesMin = 1_024;
const pageBytesMin = 4_096;

/**
 * The bytes of a body as they arrive, to be taken from its front. Large chunks stay as they are, and are copied only
 * where what is taken is in several. Small ones are copied into pages that at most double what is there.
 */
export class ArrivedBytes {
  /** The first one begins at `#from`. */
  #chunks: Buffer[] = [];
  #from = 0;
  /** The last chunk is the part of it that is used, as long as there is one. */
  #page: Buffer | undefined;
  length = 0;

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.length === 0 || chunk.length >= keptBytesMin) {
      this.#page = undefined;
      this.#chunks.push(chunk);
    } else this.#copy(chunk);
    this.length += chunk.length;
  }

  /** Puts bytes before all others, of which none were taken in part. */
  unshift(bytes: Buffer): void {
    this.#chunks.unshift(bytes);
    this.length += bytes.length;
  }

  byteAt(place: number): number {
    let at = this.#from + place;
    for (const chunk of this.#chunks) {
      if (at < chunk.length) return chunk[at] as number;
      at -= chunk.length;
    }
    throw new RangeError(`There is no byte at ${place}.`);
  }

  /** The first bytes: no more than there are. */
  take(bytes: number): Buffer {
    const [first = nothing] = this.#chunks;
    const isPart = this.#from + bytes <= first.length;
    const taken = isPart ? first.subarray(this.#from, this.#from + bytes) : Buffer.allocUnsafeSlow(bytes);
    for (let at = 0; at < bytes; ) {
      const chunk = this.#chunks[0] as Buffer;
      const end = Math.min(chunk.length, this.#from + bytes - at);
      if (!isPart) chunk.copy(taken, at, this.#from, end);
      at += end - this.#from;
      this.#from = end;
      if (end < chunk.length) break;
      this.#chunks.shift();
      this.#from = 0;
    }
    this.length -= bytes;
    if (this.length === 0) this.#page = undefined; // an idle stream holds no memory
    return taken;
  }

  /** All of them, which stay. */
  all(): Buffer {
    if (this.#chunks.length !== 1 || this.#from > 0) this.push(this.take(this.length));
    return this.#chunks[0] ?? nothing;
  }

  #copy(chunk: Buffer): void {
    let used = this.#page === undefined ? 0 : (this.#chunks.at(-1) as Buffer).length;
    if (this.#page === undefined || used + chunk.length > this.#page.length) {
      this.#page = Buffer.allocUnsafeSlow(Math.max(pageBytesMin, this.length));
      this.#chunks.push(nothing);
      used = 0;
    }
    chunk.copy(this.#page, used);
    this.#chunks[this.#chunks.length - 1] = this.#page.subarray(0, used + chunk.length);
  }
}
