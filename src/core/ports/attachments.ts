/** An attachment that is complete. */
export type Attachment = {
  /** A UUID. */
  readonly id: string;
  /** As the content says. */
  readonly contentType: string;
  readonly sizeBytes: number;
  /** A file name; empty: none. */
  readonly name: string;
  readonly sha256: Uint8Array;
};

/** A piece of a content, in a blob of its own. */
export type Part = { readonly firstByte: number; readonly sizeBytes: number; readonly blob: string };

/** What is uploaded, as its owner announces it. */
export type Announced = Pick<Attachment, 'id' | 'sizeBytes' | 'name' | 'sha256'> & { readonly ownerId: string; readonly conversationId: string };

/** What one user may upload. */
export type UploadBounds = {
  /** Uploads that are not complete. */
  readonly openMax: number;
  /** Bytes that are announced on one day (UTC). */
  readonly bytesPerDayMax: number;
  /** Calls for one upload: each may leave a small part. */
  readonly callsMax: number;
};

export type Upload = {
  readonly sizeBytes: number;
  readonly parts: readonly Part[];
  /** Set once it is complete. */
  readonly attachment: Attachment | undefined;
};

/** An attachment with what is needed to send it. */
export type Found = { readonly attachment: Attachment; readonly parts: readonly Part[]; readonly isLost: boolean };

/** Which attachments are not needed. Milliseconds. */
export type Unneeded = {
  /** Uploads that are not complete, and to which nothing was added for so long. */
  readonly unfinishedMs: number;
  /** Complete ones that no message names after so long. */
  readonly unusedMs: number;
  /** Those of which the store has lacked a part for so long. */
  readonly lostMs: number;
};

/**
 * What is uploaded, in durable storage; contents are in `Blobs`.
 *
 * Promises, in every adapter:
 * - One call at a time uploads an attachment: `begin` makes those before it store nothing any more.
 * - Parts follow each other without a hole or an overlap.
 * - A blob of a part that is dropped, in whatever way, is in `garbage` until `forget` names it.
 * - Only members of a conversation see the attachments of its messages, and only those that they may see.
 * - Every method throws Fault STORAGE_DOWN when the database is unavailable.
 */
export type Attachments = {
  /**
   * Begins an upload, or takes over one that has begun.
   * @param writer a UUID of this call
   * @throws Fault CONVERSATION_UNKNOWN, UPLOAD_ID_REUSED, UPLOADS_TOO_MANY
   */
  begin(wish: Announced, writer: string, bounds: UploadBounds): Promise<Upload>;
  /** Adds a part at the end. @returns false: another call has taken over, or there is no such upload any more */
  add(id: string, writer: string, part: Part): Promise<boolean>;
  /** @returns undefined: another call has taken over, or not all bytes are there */
  complete(id: string, writer: string, contentType: string): Promise<Attachment | undefined>;
  /** Drops an upload that fails. Nothing, once another call has taken over. */
  drop(id: string, writer: string): Promise<void>;
  /** @returns undefined: the user has no such upload */
  upload(id: string, ownerId: string): Promise<Upload | undefined>;
  /**
   * What a user may see: attachments of messages, and own ones that are in none yet.
   * @returns undefined: there is no such attachment, it is not complete, or the user may not see it
   */
  find(id: string, userId: string): Promise<Found | undefined>;
  /** Drops what is not needed. @returns how many */
  dropUnneeded(unneeded: Unneeded, most: number): Promise<number>;
  /** Blobs to be deleted, oldest first. */
  garbage(most: number): Promise<readonly string[]>;
  /** They are deleted. */
  forget(blobs: readonly string[]): Promise<void>;
  /**
   * Compares the blobs of the store behind a name with the parts. It also drops the attachments of these parts whose
   * message is kept no longer.
   * @param listed all of the store from `after` on up to `to`, in order; `to` undefined: to its end
   * @returns blobs of no part; how many parts have no blob, whose attachments are marked
   */
  compare(after: string, to: string | undefined, listed: readonly string[]): Promise<{ readonly strange: readonly string[]; readonly lost: number }>;
  /**
   * Takes over work that one replica at a time does, or goes on with it.
   * @returns how far it has come; undefined: another one does it
   */
  hold(name: string, holder: string, forMs: number): Promise<string | undefined>;
  /** Ends the work for now. */
  release(name: string, holder: string, place: string): Promise<void>;
};
