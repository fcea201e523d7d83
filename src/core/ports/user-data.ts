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
   * Erases a bounded piece of what was stored before the erasure was accepted, and keeps in the erasure what that was
   * and how far it came. Repeated until the part is done. After a crash it goes on, and erases nothing twice.
   * @returns whether a step may follow at once, or after how many milliseconds what it waits for may be over
   */
  erase(erasure: Erasure): Promise<Step>;
};

export type Step = { readonly afterMs: number };

/** An erasure that is not done. */
export type Erasure = {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly userId: string;
  /** Random, until it is done: names that stand for the user are made with it. */
  readonly secret: Uint8Array;
  /** When it was accepted, by the clock of the database: what came later stays. */
  readonly beforeMs: number;
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
  /** Undefined: it is under way. */
  readonly doneAtMs: number | undefined;
  readonly parts: Readonly<Record<string, ErasedCounts>>;
};

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
  /** All parts are done: forgets the user. */
  finish(id: string): Promise<void>;
  /** An erasure without a step for so long, which is now given to the caller; undefined: there is none. */
  takeResting(forMs: number): Promise<string | undefined>;
  /** How many are not done. */
  count(): Promise<number>;
};
