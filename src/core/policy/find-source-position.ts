import type { DescEnum, DescEnumValue, DescField, DescFile, DescMessage, DescMethod, DescOneof } from '@bufbuild/protobuf';
import { fieldOf, type Numbers } from './policy-path.ts';

/** A spot in a policy. */
export type Spot = { readonly method: DescMethod /** Of portico.v1.Policy. */; readonly policy: DescMessage; readonly path: Numbers };
/** The name of a method, a field, a oneof, a type or a value of an enum. */
export type Named = { readonly named: DescMethod | DescField | DescOneof | DescMessage | DescEnum | DescEnumValue };
/** One-based, in characters, as in editors. */
export type Place = { readonly line: number; readonly column: number };

/**
 * Compilers write no position for each element of an option: a list in brackets has one for all its entries (at index
 * 0), a message in braces none (buf 1.75.0, measured). The nearest position around the spot is therefore used. With the
 * text the exact position is then searched from there.
 * @param text of the .proto file; undefined: the nearest position is the result
 */
export function placeOf({ method, policy, path }: Spot, text: string | undefined): Place {
  const { file } = method.parent;
  const option = [...pathOfMethod(method), 4, 50001]; // MethodDescriptorProto.options = 4, and our extension
  const spans = new Map(file.proto.sourceCodeInfo?.location.map(({ path, span }) => [path.join(), span]));
  let whole = [...option, ...path];
  let span: readonly number[] | undefined;
  for (; whole.length >= 4; whole = before(whole, option.length, policy)) {
    span = spans.get(whole.join());
    if (span !== undefined) break;
  }
  const [line = 0, column = 0] = span ?? [];
  if (text === undefined) return { line: line + 1, column: column + 1 };
  const start = indexOf(text, line, column);
  const rest = path.slice(Math.max(0, whole.length - option.length));
  const at = isEntry(path, policy)
    ? entryAt(text, start, (path.at(-1) ?? 0) - (whole.at(-1) ?? 0))
    : rest.length === 1
      ? fieldAt(text, start, fieldOf(policy, rest)?.name)
      : undefined;
  return placeAt(text, at ?? start);
}

/** Where a name stands. FileDescriptorProto: message_type = 4, service = 6; each has its name at 1. */
export function placeOfName({ named }: Named, text: string | undefined): Place {
  const path = [...pathOfName(named), 1].join();
  const [line = 0, column = 0] = fileOf(named).proto.sourceCodeInfo?.location.find((location) => location.path.join() === path)?.span ?? [];
  return text === undefined ? { line: line + 1, column: column + 1 } : placeAt(text, indexOf(text, line, column));
}

export function fileOf(named: Named['named']): DescFile {
  return 'file' in named ? named.file : named.parent.file;
}

function pathOfName(named: Named['named']): Numbers {
  if (named.kind === 'rpc') return pathOfMethod(named);
  if (named.kind === 'message') return pathOfMessage(named);
  if (named.kind === 'enum_value') return [...pathOfEnum(named.parent), 2, named.parent.values.indexOf(named)]; // EnumDescriptorProto.value = 2
  return named.kind === 'enum' ? pathOfEnum(named) : pathInMessage(named);
}

/** FileDescriptorProto.service = 6, ServiceDescriptorProto.method = 2 */
function pathOfMethod({ parent, name }: DescMethod): Numbers {
  return [6, parent.file.services.indexOf(parent), 2, parent.methods.findIndex((method) => method.name === name)];
}

/** DescriptorProto: field = 2, oneof_decl = 8 */
function pathInMessage(named: DescField | DescOneof): Numbers {
  const { parent } = named;
  return named.kind === 'oneof'
    ? [...pathOfMessage(parent), 8, parent.proto.oneofDecl.findIndex(({ name }) => name === named.name)]
    : [...pathOfMessage(parent), 2, parent.proto.field.findIndex(({ name }) => name === named.name)];
}

/** FileDescriptorProto.message_type = 4, DescriptorProto.nested_type = 3 */
function pathOfMessage({ parent, file, proto }: DescMessage): Numbers {
  return parent === undefined ? [4, file.proto.messageType.indexOf(proto)] : [...pathOfMessage(parent), 3, parent.proto.nestedType.indexOf(proto)];
}

/** FileDescriptorProto.enum_type = 5, DescriptorProto.enum_type = 4 */
function pathOfEnum({ parent, file, proto }: DescEnum): Numbers {
  return parent === undefined ? [5, file.proto.enumType.indexOf(proto)] : [...pathOfMessage(parent), 4, parent.proto.enumType.indexOf(proto)];
}

/** Whether a path of a policy leads to an entry of a list. */
function isEntry(path: Numbers, policy: DescMessage): boolean {
  return fieldOf(policy, path.slice(0, -1))?.fieldKind === 'list';
}

/**
 * The path to try next: an entry's predecessor, then the parent of the list.
 * @param start where in it the policy begins
 */
function before(path: Numbers, start: number, policy: DescMessage): number[] {
  const last = path.at(-1) ?? 0;
  if (!isEntry(path.slice(start), policy)) return path.slice(0, -1);
  return last > 0 ? [...path.slice(0, -1), last - 1] : path.slice(0, -2);
}

const tokens = /\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[\w.]+|[\s\S]/y;

/** The tokens of protobuf's text format from an index on, without spaces and comments, with their depth of brackets. */
function* tokensFrom(text: string, index: number): Generator<{ readonly token: string; readonly index: number; readonly depth: number }> {
  const find = new RegExp(tokens);
  find.lastIndex = index;
  let depth = 0;
  for (let match = find.exec(text); match !== null; match = find.exec(text)) {
    const [token] = match;
    if (/^(\s|#|\/\/|\/\*)/.test(token)) continue;
    if (/[}\])>]/.test(token) && token.length === 1) depth -= 1;
    yield { token, index: match.index, depth };
    if (/[{[(<]/.test(token) && token.length === 1) depth += 1;
    if (depth < 0 || (depth === 0 && token === ';')) return;
  }
}

/** The start of the `skip`-th entry of `name: [a, b, c]`, or of the one value of `name: a`. */
function entryAt(text: string, start: number, skip: number): number | undefined {
  let commas = 0;
  let inside = false;
  for (const { token, index, depth } of tokensFrom(text, start)) {
    if (token === ':' && depth === 0) inside = true;
    else if (inside && token === '[' && depth === 0) continue;
    else if (inside && token === ',' && depth === 1) commas += 1;
    else if (inside && commas === skip) return index;
  }
  return undefined;
}

/** The name of a field in the braces of an option that starts here. */
function fieldAt(text: string, start: number, name: string | undefined): number | undefined {
  let before = '';
  for (const { token, index, depth } of tokensFrom(text, start)) {
    if (token === name && depth === 1 && before !== '(') return index;
    before = token;
  }
  return undefined;
}

/**
 * The index of a zero-based position as buf counts: characters, and a tab goes on to the next multiple of four (buf
 * 1.75.0, measured; protoc takes eight).
 */
function indexOf(text: string, line: number, columns: number): number {
  let index = 0;
  for (let i = 0; i < line; i += 1) index = text.indexOf('\n', index) + 1;
  let at = 0;
  for (const character of text.slice(index, index + columns)) {
    if (at >= columns) break;
    at += character === '\t' ? 4 - (at % 4) : 1;
    index += character.length;
  }
  return index;
}

function placeAt(text: string, index: number): Place {
  const lines = text.slice(0, index).split('\n');
  return { line: lines.length, column: [...(lines.at(-1) ?? '')].length + 1 };
}
