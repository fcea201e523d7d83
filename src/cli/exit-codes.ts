/** The exit codes of the command line. */
export const exitCodes = { ok: 0, failed: 1, config: 2, dependency: 3, usage: 64 } as const;

/** Ends a command with a message for people on stderr, without a stack. */
export class Exit extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'Exit';
    this.code = code;
  }
}
