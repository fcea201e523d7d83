/** What the load did, by kind, and what went wrong. */
export type Counts = {
  done(kind: string, times?: number): void;
  failed(kind: string, why: unknown): void;
  /** So far. */
  readonly did: Readonly<Record<string, number>>;
  readonly failures: number;
  /** The first ones. */
  readonly errors: readonly string[];
};

const errorsMost = 100;

export function openCounts(): Counts {
  const did: Record<string, number> = {};
  const errors: string[] = [];
  let failures = 0;
  return {
    did,
    errors,
    get failures() {
      return failures;
    },
    done: (kind, times = 1) => {
      did[kind] = (did[kind] ?? 0) + times;
    },
    failed: (kind, why) => {
      failures++;
      if (errors.length < errorsMost) errors.push(`${kind}: ${why instanceof Error ? why.message : String(why)}`);
    },
  };
}
