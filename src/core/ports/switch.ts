/** A setting that can be changed while the server runs. */
export type Switch = {
  /** What JSON can say. */
  read(): unknown;
  allows(value: unknown): boolean;
  /** The values that it allows, for an error. */
  readonly allowed: string;
  /** @param value one that it allows */
  change(value: unknown): void;
};
