/** What was begun, and how each of it ends. */
export type Closers = {
  add(close: () => unknown): void;
  /** Ends all of it, the last first. */
  close(): Promise<void>;
};

export function openClosers(): Closers {
  const closers: (() => unknown)[] = [];
  return {
    add: (close) => void closers.push(close),
    close: async () => {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}
