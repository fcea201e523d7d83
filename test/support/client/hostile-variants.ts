// Hostile requests: a good one, with one field at any depth replaced by what no client of ours would send.
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';

/** A message as protobuf-es takes it. */
export type Init = Readonly<Record<string, unknown>>;
const isInit = (value: unknown): value is Init =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const long = 'x'.repeat(20_000);
/** The longest that rules of .proto let pass: a character of theirs is up to two of JavaScript. */
const longest = [64, 100, 200].map((characters) => '🙂'.repeat(characters));
/** Values for a field; those of `refused` break a rule that every such field has. */
function hostile(field: DescField, value: unknown): { readonly refused: readonly unknown[]; readonly other: readonly unknown[] } {
  if (field.fieldKind === 'list') {
    const [first] = (value ?? []) as readonly unknown[];
    if (first === undefined) return { refused: [], other: [] };
    return { refused: [Array.from({ length: 5_000 }, () => first)], other: [[], [first, first]] };
  }
  if (field.fieldKind === 'enum') return { refused: [99, -1], other: [0] };
  if (field.fieldKind === 'message') return { refused: [], other: [undefined] };
  if (field.fieldKind !== 'scalar') return { refused: [], other: [] };
  switch (field.scalar) {
    case ScalarType.STRING:
      return {
        refused: [long, 'a\0b'],
        other: ['', ' ', '%00', '\u202e', '\ufeff', "'; --", 'A'.repeat(36), randomUUID(), 'ä'.repeat(80), ...longest],
      };
    case ScalarType.BYTES:
      return { refused: [new Uint8Array(40_000)], other: [new Uint8Array(0), Uint8Array.of(0, 255)] };
    case ScalarType.UINT32:
      return { refused: [], other: [0, 2 ** 31, 2 ** 32 - 1] };
    case ScalarType.UINT64:
      return { refused: [], other: [0n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n] };
    case ScalarType.INT64:
      return { refused: [], other: [-(2n ** 63n), 2n ** 63n - 1n, -62_135_596_800n, 253_402_300_799n, 10n ** 13n] };
    case ScalarType.INT32:
      return { refused: [], other: [-1, 2 ** 31 - 1, -(2 ** 31), 1_000_000_000] };
    default:
      return { refused: [], other: [] };
  }
}

export type Variant = { readonly name: string; readonly request: Init; readonly isRefused: boolean };

/** The request with one field, at any depth, replaced by each hostile value. */
export function* variants(message: DescMessage, request: Init, path = ''): Generator<Variant> {
  for (const field of message.fields) {
    const oneof = field.oneof && request[field.oneof.localName];
    if (field.oneof !== undefined && !(isInit(oneof) && oneof.case === field.localName)) continue;
    const value = isInit(oneof) ? oneof.value : request[field.localName];
    const replace = (other: unknown): Init =>
      field.oneof === undefined
        ? { ...request, [field.localName]: other }
        : { ...request, [field.oneof.localName]: other === undefined ? { case: undefined } : { case: field.localName, value: other } };
    const name = `${path}${field.name}`;
    const { refused, other } = hostile(field, value);
    const said = (one: unknown) => inspect(one, { breakLength: Infinity }).slice(0, 30);
    for (const one of refused) yield { name: `${name}: ${said(one)}`, request: replace(one), isRefused: true };
    for (const one of other) yield { name: `${name}: ${said(one)}`, request: replace(one), isRefused: false };
    if (field.message !== undefined && isInit(value))
      for (const inner of variants(field.message, value, `${name}.`)) yield { ...inner, request: replace(inner.request) };
    if (field.fieldKind === 'list' && field.message !== undefined && Array.isArray(value) && isInit(value[0]))
      for (const inner of variants(field.message, value[0], `${name}[0].`)) yield { ...inner, request: replace([inner.request, ...value.slice(1)]) };
  }
}
