/** A time in which clients are refused, with a text for their users. */
export type Maintenance = {
  /** Milliseconds since 1970: it ends by itself. */
  readonly untilMs: number;
  /** Plain texts for users, by language tag. Another language is answered with the text of the reason MAINTENANCE. */
  readonly texts: Readonly<Record<string, string>>;
};

/** What is in force at this replica. */
export type MaintenanceState = {
  /** Undefined: clients are served. */
  current(): Maintenance | undefined;
};
