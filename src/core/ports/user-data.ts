/** One thing that is stored about a user, as JSON. docs/operating/privacy.md has the kinds of each part. */
export type UserRecord = { readonly kind: string; readonly data: Readonly<Record<string, unknown>> };

/** By kind, how many were erased. */
export type ErasedCounts = Readonly<Record<string, number>>;

/** The data of users that one part of the server stores. */
export type UserDataPart = {
  /** In exports and reports. An erasure remembers the parts that are done by it, so it stays for ever. */
  readonly name: string;
  /** Everything that is stored about the user, read page by page. */
  export(userId: string, signal: AbortSignal): AsyncIterable<UserRecord>;
  /**
   * Erases a bounded piece of what was stored before `beforeMs`, and keeps in the erasure what that was and how far it
   * came. Repeated until the part is done. After a crash it goes on, and erases nothing twice.
   */
  erase(erasure: Erasure): Promise<void>;
};

/**
 * Copies of users' data in what replicas share besides SQL, or in the memory of a single one. Each would end by itself,
 * and nobody who uses them counts on any.
 */
export type CopiesOfUsers = {
  /** Every copy of the user, read page by page. */
  read(userId: string, signal: AbortSignal): AsyncIterable<UserRecord>;
  /**
   * Deletes a bounded piece of the user's copies, whenever they were made. What is made meanwhile may stay.
   * @param place of the piece before; undefined: the first
   * @throws StoreDown
   */
  forget(userId: string, place: Place): Promise<Progress>;
};

/** What is known to be a user's by its name. */
export type OwnOfUsers = {
  /** The scopes in which answers count as the user's: one for each issuer of tokens. */
  scopesOf(userId: string): readonly string[];
  /** The topics to which only the user listens. */
  topicsOf(userId: string): readonly string[];
};

/** Tags whose names have a user's id. */
export type TagsOfUsers = {
  /** Raises them like a hard invalidation, and keeps nothing of them, unless one settles: that for as long. */
  forget(tags: readonly string[]): Promise<void> | void;
};

/** An erasure that is not done. */
export type Erasure = {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly userId: string;
  /** Random, until it is done: names that stand for the user are made with it. */
  readonly secret: Uint8Array;
  /**
   * What came later stays. By the clock of the database: now; of a user who has signed in after the erasure was
   * accepted, then.
   */
  readonly beforeMs: number;
  /** How often all parts were done, and since when the last time: milliseconds. */
  readonly passes: number;
  readonly restedMs: number;
  /** Of the pass that is under way. */
  readonly partsDone: readonly string[];
  /** Of the part that is under way. */
  readonly place: Place;
};

/** How far a part is; undefined: at its beginning. */
export type Place = Readonly<Record<string, string | number | boolean>> | undefined;

/** What became of a step that is to be kept. */
export type Progress = { readonly erased: ErasedCounts; readonly place: Place; readonly isDone: boolean };

export type ErasureReport = {
  readonly acceptedAtMs: number;
  /** When all parts were done once. Undefined: they are not. */
  readonly firstPassAtMs: number | undefined;
  /** Undefined: it is under way. */
  readonly doneAtMs: number | undefined;
  /** Of the first pass. */
  readonly parts: Readonly<Record<string, ErasedCounts>>;
  /** Of the second pass: what calls stored that were under way during the first. */
  readonly again: Readonly<Record<string, ErasedCounts>>;
};

/** How long an erasure rests after its first and after its second pass: milliseconds. */
export type Rests = readonly [first: number, second: number];

/**
 * Erasures in durable storage. Each knows its user only until it is done. Every method throws Fault STORAGE_DOWN when
 * the database is unavailable.
 */
export type Erasures = {
  /**
   * Accepts an erasure, or finds the one that this is a repeat of: also when it has long been done.
   * @returns its id
   */
  accept(userId: string, requestId: string): Promise<string>;
  /** @returns undefined: it is done, or there is none */
  read(id: string): Promise<Erasure | undefined>;
  report(id: string): Promise<ErasureReport>;
  /** Keeps a step of a part that is not in SQL. Does nothing if the part is done already. */
  record(id: string, part: string, progress: Progress): Promise<void>;
  /** All parts are done in this pass, of which there are `passes` so far: the next one begins with the first part. */
  endPass(id: string, passes: number): Promise<void>;
  /** Both passes are done: forgets the user. @returns false: it was finished before */
  finish(id: string): Promise<boolean>;
  /**
   * An erasure without a step for so long, whose rest is over, which is now given to the caller. Undefined: there is
   * none.
   */
  takeAbandoned(forMs: number, rests: Rests): Promise<string | undefined>;
  /** How many are not done, and the users of at most so many of them. */
  underWay(most: number): Promise<{ readonly count: number; readonly userIds: readonly string[] }>;
};
