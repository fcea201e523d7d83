/** A blob that is being written. */
export type BlobWriter = {
  /** Resolved when the next bytes may be given. What was given must not change until `finish` is resolved. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolved when the blob is there, whole and durable. */
  finish(): Promise<void>;
  /** Gives up: nothing is left, as far as the store can be reached. It never rejects. */
  abort(): Promise<void>;
};

/** What the store lists. */
export type ListedBlob = { readonly name: string; readonly changedAtMs: number };

/**
 * The store of contents: a folder or a bucket.
 *
 * Promises, in every adapter:
 * - A blob is there as a whole, or not at all: its writer's `finish` decides. It never changes.
 * - A name has letters, digits, "-" and at most one "/", and is used once.
 * - Errors are Faults: MEDIA_FULL when there is no room, and MEDIA_DOWN when the store cannot be reached or refuses. A
 * write that has failed may nevertheless be done; what nobody needs is listed, and can be deleted.
 */
export type Blobs = {
  /** The largest blob that is sensible: each byte of one that fails is sent again. */
  readonly blobBytesMax: number;
  create(name: string): Promise<BlobWriter>;
  /**
   * The bytes from `from` up to `to`, which is not among them.
   * @throws Fault ATTACHMENT_LOST when the blob is not there, or has no such bytes
   */
  read(name: string, from: number, to: number): AsyncIterable<Uint8Array>;
  /** Those that are not there are none any more. */
  delete(names: readonly string[]): Promise<void>;
  /** The blobs behind a name, in the order of their names' bytes. An empty list: there are no more. */
  list(after: string, most: number): Promise<readonly ListedBlob[]>;
};
