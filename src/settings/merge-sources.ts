import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { nearest } from '../core/kit/did-you-mean.ts';
import { readEnvironment, type Said, variableOf } from './environment-variables.ts';
import { allowed, nodeAt } from './json-schema.ts';
import { type RawSettings, settingsSchema } from './schema.ts';
import { type Problem, SettingsError } from './settings-error.ts';
import { readSettingsFile } from './settings-file.ts';

/** The sources of settings. A later one overrides an earlier one: defaults, file, environment, flags. */
export type Sources = {
  readonly file: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: readonly Said[];
};
export type Loaded = {
  readonly settings: RawSettings;
  /** Origins by dotted key, for the keys that were set. */
  readonly origins: ReadonlyMap<string, string>;
};

/**
 * @param missing errors that depend on which keys are set, not on their values
 * @throws SettingsError with all errors
 */
export function loadRaw(
  { file, env, flags }: Sources,
  missing: (at: (key: string) => unknown) => readonly Omit<Problem, 'origin'>[] = () => [],
): Loaded {
  const read = file === undefined ? { data: {}, places: new Map<string, string>(), problems: [] } : readSettingsFile(file);
  const environment = readEnvironment(env);
  const origins = new Map(read.places);
  const problems: Problem[] = [...read.problems, ...environment.problems];
  const data = asObject(read.data);
  for (const layer of [environment.said, flags]) {
    for (const twin of layer.flatMap(({ path }) => twinOf(path))) forget(data, twin, origins); // overridden in another form
    for (const { path, value, origin } of layer) {
      put(data, path, value);
      setOrigins(origins, path, value, origin);
    }
  }
  problems.push(...readSecretFiles(data, origins));
  for (const problem of missing((key) => valueAt(data, key.split('.')))) problems.push({ ...problem, origin: origins.get(problem.key) ?? 'not set' });
  const parsed = settingsSchema.safeParse(data);
  if (parsed.error !== undefined) problems.push(...parsed.error.issues.flatMap((issue) => problemsOf(issue, data, origins)));
  for (const path of hiddenKeys(data, [])) {
    const key = path.join('.');
    if (!problems.some((problem) => problem.key === key))
      problems.push({ key, origin: originOf(path, origins), message: 'there is no such setting.' });
  }
  if (problems.length > 0 || parsed.data === undefined) throw new SettingsError(distinct(problems));
  return { settings: parsed.data, origins };
}

/** A value that violates two rules of one setting is one problem. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  const same = (a: Problem, b: Problem) => a.key === b.key && a.origin === b.origin && a.message === b.message;
  return problems.filter((problem, i) => problems.findIndex((other) => same(other, problem)) === i);
}

type Data = Record<string, unknown>;
const asObject = (value: unknown): Data => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Data) : {});

function put(data: Data, path: readonly string[], value: unknown): void {
  let at = data;
  for (const key of path.slice(0, -1)) {
    const inner = Object.hasOwn(at, key) ? asObject(at[key]) : {};
    set(at, key, inner);
    at = inner;
  }
  set(at, path.at(-1) ?? '', value);
}

/** Also for the key `__proto__`. */
function set(data: Data, key: string, value: unknown): void {
  Object.defineProperty(data, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The schema does not look at a key `__proto__` of named entries. */
function hiddenKeys(value: unknown, path: readonly string[]): readonly (readonly string[])[] {
  return Object.entries(asObject(value)).flatMap(([key, inner]) => (key === '__proto__' ? [[...path, key]] : hiddenKeys(inner, [...path, key])));
}

/** Applies to a value and, if it is an object, to all its content. */
function setOrigins(origins: Map<string, string>, path: readonly string[], value: unknown, origin: string): void {
  origins.set(path.join('.'), origin);
  for (const [key, inner] of Object.entries(asObject(value))) setOrigins(origins, [...path, key], inner, origin);
}

/** The key of a secret's file, and vice versa. */
function twinOf(path: readonly string[]): readonly (readonly string[])[] {
  return secrets.flatMap((secret) => {
    const file = fileOf(secret);
    const key = path.join('.');
    return key === secret.join('.') ? [file] : key === file.join('.') ? [secret] : [];
  });
}

function forget(data: Data, path: readonly string[], origins: Map<string, string>): void {
  delete asObject(valueAt(data, path.slice(0, -1)))[path.at(-1) ?? ''];
  origins.delete(path.join('.'));
}

/** Keys of secrets with their `…File` twin. */
const secrets: readonly (readonly string[])[] = [
  ['sql', 'url'],
  ['auth', 'refreshKey'],
  ['redis', 'url'],
  ['redis', 'password'],
  ['redis', 'sentinelPassword'],
  ['push', 'apns', 'key'],
  ['push', 'fcm', 'account'],
];
const fileOf = (path: readonly string[]) => path.with(-1, `${path.at(-1)}File`);

function readSecretFiles(data: Data, origins: Map<string, string>): readonly Problem[] {
  return secrets.flatMap((secret) => {
    const [key, fileKey] = [secret.join('.'), fileOf(secret).join('.')];
    const inner = asObject(valueAt(data, secret.slice(0, -1)));
    const name = secret.at(-1) ?? '';
    const path = inner[`${name}File`];
    if (typeof path !== 'string') return [];
    const origin = origins.get(fileKey) ?? 'not set';
    if (inner[name] !== undefined) return [{ key, origin, message: `is also set by ${origins.get(key)}. Keep one.` }];
    try {
      inner[name] = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      origins.set(key, `${origin} → ${path}`);
      return [];
    } catch (error) {
      return [{ key: fileKey, origin, message: `the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).` }];
    }
  });
}

function problemsOf(issue: z.core.$ZodIssue, data: Data, origins: ReadonlyMap<string, string>): readonly Problem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(nodeAt(issue.path)?.properties ?? {});
    return issue.keys.map((key) => {
      const near = nearest(key, known);
      const hint = near === undefined ? ` The keys here are ${known.join(', ')}.` : ` Did you mean ${near}?`;
      return { key: [...path, key].join('.'), origin: originOf([...path, key], origins), message: `there is no such setting.${hint}` };
    });
  }
  const node = nodeAt(issue.path);
  const key = path.join('.');
  if (issue.code === 'invalid_key') {
    const names = nodeAt(issue.path.slice(0, -1))?.propertyNames;
    return [
      {
        key,
        origin: originOf(path, origins),
        message: `"${path.at(-1)}" is not allowed here. Write ${names === undefined ? 'text' : allowed(names)}.`,
      },
    ];
  }
  const value = valueAt(data, path);
  const may = node === undefined ? issue.message : allowed(node);
  if (value === undefined)
    return [
      {
        key,
        origin: `not set; ${issue.path.some((step) => typeof step === 'number') ? originOf(path, origins) : variableOf(path)}`,
        message: `is needed. Write ${may}.`,
      },
    ];
  const shown = node?.writeOnly === true ? 'the value' : JSON.stringify(value);
  return [{ key, origin: originOf(path, origins), message: `${shown} is not allowed. Write ${may}.` }];
}

function valueAt(data: unknown, path: readonly string[]): unknown {
  let at = data;
  for (const key of path) at = typeof at === 'object' && at !== null ? (at as Data)[key] : undefined;
  return at;
}

/** The position of a key, of the nearest key around it, or of one inside it. */
function originOf(path: readonly string[], origins: ReadonlyMap<string, string>): string {
  for (let length = path.length; length > 0; length--) {
    const origin = origins.get(path.slice(0, length).join('.'));
    if (origin !== undefined) return origin;
  }
  const inner = [...origins].find(([key]) => key.startsWith(`${path.join('.')}.`));
  return inner?.[1] ?? 'not set';
}
