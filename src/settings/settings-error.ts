/** One error of the settings. */
export type Problem = {
  /** Dotted, such as "public.port"; empty for a file that cannot be read. */
  readonly key: string;
  /** The origin: "portico.yaml:12", "PORTICO_PUBLIC__PORT", "--port"; or "not set". */
  readonly origin: string;
  readonly message: string;
};

/** All errors of the settings. */
export class SettingsError extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ key, origin, message }) => `  ${[key, `(${origin})`].filter((text) => text !== '').join(' ')}: ${message}`);
    super(`${problems.length === 1 ? 'One setting is' : `${problems.length} settings are`} wrong:\n${lines.join('\n')}`);
    this.name = 'SettingsError';
    this.problems = problems;
  }
}
