import { z } from 'zod';
import { settingsSchema } from './schema.ts';

/** A node of the JSON schema, with the properties that this file reads. */
export type Node = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | boolean;
  readonly propertyNames?: Node;
  readonly items?: Node;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly writeOnly?: boolean;
  readonly 'x-least'?: string;
  readonly 'x-most'?: string;
  readonly 'x-example'?: string;
  /** The allowed values, as text. */
  readonly 'x-text'?: string;
};

/** The JSON schema (2020-12) of the settings file: for editors, error messages and docs. */
export const jsonSchema = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }) as Node;

/** The node of a key such as `['upstreams', 'orders', 'address']`. */
export function nodeAt(path: readonly PropertyKey[]): Node | undefined {
  let node: Node | undefined = jsonSchema;
  for (const step of path) {
    if (typeof step === 'number') node = node?.items;
    else if (node?.properties !== undefined && Object.hasOwn(node.properties, step)) node = node.properties[String(step)];
    else node = typeof node?.additionalProperties === 'object' ? node.additionalProperties : undefined;
  }
  return node;
}

/** The allowed values of a node, as text. */
export function allowed(node: Node): string {
  if (node['x-text'] !== undefined) return node['x-text'];
  if (node.enum !== undefined) return `one of ${node.enum.join(', ')}`;
  switch (node.format) {
    case 'short-duration':
      return `a duration such as "800ms", "30s", "5m", "1h", from ${node['x-least']} to ${node['x-most']}`;
    case 'path':
      return 'a path';
    case 'host-and-port':
      return '"host:port"';
    case 'uri':
      return `a URL such as ${node['x-example']}`;
    default:
  }
  switch (node.type) {
    case 'integer':
      return `a whole number from ${node.minimum ?? 0} to ${node.maximum ?? 'any'}`;
    case 'number':
      return `a number from ${node.minimum} to ${node.maximum}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${(node.minItems ?? 0) > 0 ? ` of at least ${node.minItems === 1 ? 'one' : node.minItems}` : ''}${node.items === undefined ? '' : `, each ${node.items.properties === undefined ? '' : 'with '}${allowed(node.items)}`}`;
    case 'object':
      return node.properties === undefined ? 'named entries' : `the keys ${Object.keys(node.properties).join(', ')}`;
    default:
      if (node.pattern !== undefined) return `text that matches ${node.pattern}`;
      return (node.minLength ?? 0) > 1 ? `text of ${node.minLength} to ${node.maxLength} characters` : 'text';
  }
}

/** Every setting that is a value, with its path. Entries of lists and records are described by their node alone. */
export function leaves(): readonly { readonly path: readonly string[]; readonly node: Node }[] {
  const walk = (node: Node, path: readonly string[]): readonly { readonly path: readonly string[]; readonly node: Node }[] =>
    node.properties === undefined ? [{ path, node }] : Object.entries(node.properties).flatMap(([key, inner]) => walk(inner, [...path, key]));
  return walk(jsonSchema, []);
}
