/** What a benchmark found. */
export type Result = {
  readonly bench: string;
  /** What is promised of each: the least or the most it may be. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly promises: Readonly<Record<string, { readonly least: number } | { readonly most: number }>>;
  /** Lines for a person. */
  readonly said: readonly string[];
  readonly raw: unknown;
};

/** A small table for a person. */
export function tableOf({ ratios, promises, said }: Result): string {
  const width = Math.max(0, ...Object.keys(ratios).map((name) => name.length));
  const rows = Object.entries(ratios).map(([name, value]) => {
    const promise = promises[name];
    if (promise === undefined) return `  ${name.padEnd(width)}  ${value}`;
    const [kept, words] =
      'least' in promise ? [value >= promise.least, `at least ${promise.least}`] : [value <= promise.most, `at most ${promise.most}`];
    return `  ${name.padEnd(width)}  ${String(value).padEnd(8)}  ${words}: ${kept ? 'kept' : 'NOT KEPT'}`;
  });
  return [...said.map((line) => `  ${line}`), '', ...rows, ''].join('\n');
}
