import { parse as parseYaml } from 'yaml';
import { nearest } from '../core/kit/did-you-mean.ts';
import { allowed, jsonSchema, type Node, nodeAt } from './json-schema.ts';
import type { Problem } from './settings-error.ts';

/** A value with its key and origin. */
export type Said = { readonly path: readonly string[]; readonly value: unknown; readonly origin: string };

/** Conventional names of variables. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  DATABASE_URL: ['sql', 'url'],
  DATABASE_URL_FILE: ['sql', 'urlFile'],
  REDIS_URL: ['redis', 'url'],
  REDIS_URL_FILE: ['redis', 'urlFile'],
};
/** The path of the settings file, which is read elsewhere. */
export const configVariable = 'PORTICO_CONFIG';
const prefix = 'PORTICO_';
/**
 * Variables that Kubernetes sets for every Service whose name begins with "portico" (unless enableServiceLinks is
 * false). They are not settings.
 */
const foreign = /^PORTICO_((\w+_)?SERVICE_(HOST|PORT(_\w+)?)|(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const isForeign = (name: string, text: string) => foreign.test(name) || (/^PORTICO_(\w+_)?PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(text));

/** `PORTICO_PUBLIC__PORT` for `public.port`: two underscores separate sections, one separates words. */
export function variableOf(path: readonly string[]): string {
  return (
    prefix +
    path
      .map((key) =>
        key
          .replaceAll('-', '_')
          .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
          .toUpperCase(),
      )
      .join('__')
  );
}

/** The settings of the environment. Commas separate lists of texts. Other lists and objects are JSON. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly said: readonly Said[];
  readonly problems: readonly Problem[];
} {
  const said: Said[] = [];
  const problems: Problem[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || name === configVariable || isForeign(name, text)) continue;
    const path = Object.hasOwn(aliases, name)
      ? aliases[name]
      : name.startsWith(prefix)
        ? pathOf(name.slice(prefix.length).split('__'), jsonSchema)
        : undefined;
    if (path === undefined) {
      if (name.startsWith(prefix)) problems.push({ key: '', origin: name, message: `there is no such setting.${didYouMean(name)}` });
      continue;
    }
    const twin = said.find((other) => other.path.join() === path.join());
    if (twin !== undefined) problems.push({ key: path.join('.'), origin: name, message: `is also set by ${twin.origin}. Keep one.` });
    const value = readValue(text, path);
    if ('wrong' in value) problems.push({ key: path.join('.'), origin: name, message: value.wrong });
    else said.push({ path, value: value.value, origin: name });
  }
  return { said, problems };
}

function pathOf(words: readonly string[], node: Node): readonly string[] | undefined {
  const [word, ...rest] = words;
  if (word === undefined) return [];
  const found = Object.keys(node.properties ?? {}).find((key) => variableOf([key]) === prefix + word);
  if (found !== undefined) return prepend(found, pathOf(rest, node.properties?.[found] ?? {}));
  const { additionalProperties: entries } = node;
  return typeof entries === 'object' && word !== '' ? prepend(word.toLowerCase().replaceAll('_', '-'), pathOf(rest, entries)) : undefined;
}

function prepend(key: string, rest: readonly string[] | undefined): readonly string[] | undefined {
  return rest === undefined ? undefined : [key, ...rest];
}

/** Parses the text of a setting. */
export function readValue(text: string, path: readonly string[]): { readonly value: unknown } | { readonly wrong: string } {
  const node = nodeAt(path);
  try {
    return { value: valueIn(text, node) };
  } catch {
    return { wrong: `is not JSON. Write ${node === undefined ? 'text' : allowed(node)}, as JSON.` };
  }
}

function valueIn(text: string, node: Node | undefined): unknown {
  switch (node?.type) {
    case 'integer':
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'array':
      if (text.trimStart().startsWith('[')) return JSON.parse(text);
      return node.items?.type === 'object' ? JSON.parse(text) : text.split(',').map((item) => item.trim());
    case 'object':
      return parseYaml(text);
    default:
      return text;
  }
}

function didYouMean(name: string): string {
  const near = nearest(name, variables(jsonSchema, [], name.slice(prefix.length).split('__')));
  return near === undefined ? ' docs/reference/configuration.md lists them.' : ` Did you mean ${near}?`;
}

/** Every variable, with the names of entries from `words`. */
function* variables(node: Node, path: readonly string[], words: readonly string[]): Generator<string> {
  const { properties, additionalProperties: entries } = node;
  const word = words[path.length];
  if (typeof entries === 'object' && entries.properties !== undefined && word !== undefined) yield* variables(entries, [...path, word], words);
  else if (properties === undefined) yield variableOf(path);
  else for (const [key, child] of Object.entries(properties)) yield* variables(child, [...path, key], words);
}
