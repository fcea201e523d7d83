// Reads a Dockerfile, as far as ours goes: stages, instructions, flags, exec form. There is no Docker engine on the machines that test it.

export type Instruction = {
  /** Upper case: "COPY". */
  readonly name: string;
  /** By name, such as `--from=build`; one without a value has "". */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows the flags, with the values of ARGs filled in. */
  readonly text: string;
  /** The exec form: a JSON list of texts. */
  readonly exec: readonly string[] | undefined;
  /** From 1. */
  readonly line: number;
};

export type Stage = {
  readonly name: string /** An image, or the name of a stage before. */;
  readonly from: string;
  readonly instructions: readonly Instruction[];
};

/** @param given values of build arguments, over the defaults of the file */
export function readDockerfile(text: string, given: Readonly<Record<string, string>> = {}): readonly Stage[] {
  const variables: Record<string, string> = {};
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const { line, text: whole } of logicalLines(text)) {
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(whole) ?? [];
    const name = word.toUpperCase();
    const filled = rest.replace(/\$\{(\w+)\}/g, (_, variable: string) => variables[variable] ?? '');
    if (name === 'ARG') {
      const [, variable = '', usual = ''] = /^(\w+)(?:=(.*))?$/.exec(filled.trim()) ?? [];
      variables[variable] = given[variable] ?? usual;
    }
    if (name === 'FROM') {
      const [from = '', , as = `stage ${stages.length}`] = filled.split(/\s+/);
      stages.push({ name: as, from, instructions: [] });
    } else stages.at(-1)?.instructions.push({ name, line, ...argumentsOf(filled) });
  }
  return stages;
}

/** Lines without comments, those that end in a backslash joined with the next. */
function* logicalLines(text: string): Generator<{ readonly line: number; readonly text: string }> {
  let held = '';
  let start = 0;
  for (const [i, raw] of text.split('\n').entries()) {
    if (/^\s*#/.test(raw) || (held === '' && raw.trim() === '')) continue;
    if (held === '') start = i + 1;
    const more = raw.trimEnd().endsWith('\\');
    held += more ? raw.trimEnd().slice(0, -1) : raw;
    if (more) continue;
    yield { line: start, text: held.trim() };
    held = '';
  }
}

function argumentsOf(text: string): Pick<Instruction, 'flags' | 'text' | 'exec'> {
  const flags: Record<string, string> = {};
  let rest = text;
  for (let match = flag(rest); match !== undefined; match = flag(rest)) {
    flags[match.name] = match.value;
    rest = match.rest;
  }
  return { flags, text: rest, exec: execForm(rest.replace(/^CMD\s+/, '')) };
}

function flag(text: string) {
  const match = /^--([\w-]+)(?:=(\S*))?\s*(.*)$/.exec(text);
  return match === null ? undefined : { name: match[1] ?? '', value: match[2] ?? '', rest: match[3] ?? '' };
}

function execForm(text: string): readonly string[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : undefined;
  } catch {
    return undefined; // the shell form
  }
}
