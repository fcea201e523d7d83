import { type DescField, type DescMessage, fromJson, type JsonValue, type Message, type Registry, ScalarType } from '@bufbuild/protobuf';
import { isBase64 } from './base64.ts';
import { NumberText, parseExactJson } from './exact-json.ts';
import { requestBounds, tooComplex } from './request-complexity.ts';

/**
 * A JSON request with a value that its field cannot hold exactly. Neither the message nor the field's name quotes a
 * value, because it may be a secret.
 */
export class InexactJson extends Error {
  /** "orders[2].placed_at" */
  readonly field: string;
  constructor(field: string, why: string) {
    super(`the field ${field} ${why}`);
    this.name = 'InexactJson';
    this.field = field;
  }
}

/**
 * Reads a JSON request exactly, or not at all (ProtoJSON format): protobuf-es rounds integers beyond 2^53 and converts
 * 30 February to 1 March.
 * @param registry the types that JSON may have in an Any
 * @throws InexactJson; Fault REQUEST_TOO_COMPLEX; Error for invalid JSON, or JSON of another type
 */
export function readJson(type: DescMessage, text: string, registry: Registry): Message {
  const json = exactMessage(type, parseExactJson(text), { path: '', registry, depth: 1, unknown: { fields: 0 } });
  return fromJson(type, json as JsonValue, { registry, ignoreUnknownFields: true });
}

type Place = {
  /** Of the field; "" for the request itself. */
  readonly path: string;
  readonly registry: Registry;
  readonly depth: number;
  /** Of the whole request; what is within an unknown field is not counted, as in protobuf. */
  readonly unknown: { fields: number };
};

/** A literal, because every message makes one: a spread costs three times as much. */
function at({ registry, depth, unknown }: Place, path: string, levels = 0): Place {
  return { path, registry, depth: depth + levels, unknown };
}

/** The same value with its number texts resolved by their fields. protobuf-es refuses values of another form. */
function exactMessage(type: DescMessage, json: unknown, place: Place): unknown {
  if (place.depth > requestBounds.depth) throw tooComplex('depth');
  if (!type.typeName.startsWith('google.protobuf.')) return isObject(json) ? exactFields(type, json, place) : json;
  switch (type.typeName) {
    case 'google.protobuf.Timestamp':
      if (typeof json === 'string' && !isTime(json)) throw new InexactJson(place.path, 'is no time of RFC 3339');
      return json;
    case 'google.protobuf.Duration':
      if (typeof json === 'string' && !isDuration(json)) throw new InexactJson(place.path, 'is no duration such as "1.5s"');
      return json;
    case 'google.protobuf.Struct':
    case 'google.protobuf.Value':
    case 'google.protobuf.ListValue':
      return doubles(json, place);
    case 'google.protobuf.Any':
      return exactAny(json, place);
  }
  const [only] = type.fields;
  if (/^google\.protobuf\.\w+Value$/.test(type.typeName) && only?.fieldKind === 'scalar') return exactScalar(only.scalar, json, place);
  return isObject(json) ? exactFields(type, json, place) : json;
}

function exactFields(type: DescMessage, json: Record<string, unknown>, place: Place): Record<string, unknown> {
  const fields = fieldsOf(type);
  for (const key of Object.keys(json)) {
    const field = fields.get(key);
    if (field !== undefined) {
      const value = json[key];
      if (mayBeInexact(field, value))
        set(json, key, exactField(field, value, at(place, `${place.path === '' ? '' : `${place.path}.`}${field.name}`)));
    } else if (key !== '@type' && ++place.unknown.fields > requestBounds.unknownFields) throw tooComplex('unknownFields'); // an Any has that name
  }
  return json;
}

/** Whether a value of a field has to be looked at: most are texts of texts, or numbers that JSON.parse holds. */
function mayBeInexact({ message, scalar }: DescField, value: unknown): boolean {
  if (typeof value === 'string') return message !== undefined || (scalar !== undefined && scalar !== ScalarType.STRING);
  return typeof value === 'object' || message !== undefined;
}

function exactField(field: DescField, json: unknown, place: Place): unknown {
  if (field.fieldKind === 'list') {
    if (Array.isArray(json))
      for (const [i, item] of json.entries()) if (mayBeInexact(field, item)) json[i] = exactValue(field, item, at(place, `${place.path}[${i}]`));
    return json;
  }
  if (field.fieldKind === 'map') {
    // The path contains no key, because the client chooses it.
    const inner = at(place, `${place.path}[…]`);
    if (isObject(json))
      for (const key of Object.keys(json)) {
        if (isInteger(field.mapKey) && !plainInteger.test(key)) refuse(inner.path, 'has a key that is no integer in plain digits'); // "+1" would be another than "1"
        set(json, key, exactValue(field, json[key], inner));
      }
    return json;
  }
  return exactValue(field, json, place);
}

/** One value of a field, of its list or of its map. */
function exactValue(field: DescField, json: unknown, place: Place): unknown {
  if (field.message !== undefined) return exactMessage(field.message, json, at(place, place.path, 1));
  if (field.enum !== undefined) return json instanceof NumberText ? refuse(place.path, 'is no number of an enum') : json;
  return exactScalar(field.scalar, json, place);
}

const plainInteger = /^(?:0|-?[1-9]\d*)$/;
const isInteger = (scalar: ScalarType) => scalar !== ScalarType.STRING && scalar !== ScalarType.BOOL;

function exactScalar(scalar: ScalarType | undefined, json: unknown, { path }: Place): unknown {
  if (typeof json === 'string') return exactText(scalar, json, path);
  if (!(json instanceof NumberText)) return json;
  switch (scalar) {
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return finite(json, path);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return /^-?\d+$/.test(json.text) ? json.text : refuse(path, 'is no integer in plain digits'); // ProtoJSON itself writes them as text
    default:
      return refuse(path, 'is no number that it can hold');
  }
}

/** protobuf-es takes every text for a number that JavaScript does: " 1", "0x1"; and base64 with anything between. */
function exactText(scalar: ScalarType | undefined, json: string, path: string): string {
  if (scalar === undefined || scalar === ScalarType.STRING || scalar === ScalarType.BOOL) return json;
  if (scalar === ScalarType.BYTES) return isBase64(json) ? json : refuse(path, 'is no base64');
  const isDouble = scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT;
  if (!jsonNumber.test(json) && !(isDouble && notANumber.test(json))) return refuse(path, 'is no number');
  return isDouble || plainInteger.test(json) || held.test(json) ? json : refuse(path, 'is no number that it can hold');
}
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Matches numbers that a double does not round to an integer: 15 digits, and no large exponent. */
const held = /^-?[\d.]{1,15}(?:[eE][+-]?\d{1,2})?$/;
const notANumber = /^(?:NaN|-?Infinity)$/;

/** A google.protobuf.Value holds doubles. */
function doubles(json: unknown, place: Place): unknown {
  if (place.depth > requestBounds.depth) throw tooComplex('depth');
  if (json instanceof NumberText) return finite(json, place.path);
  const inner = at(place, place.path, 1);
  if (Array.isArray(json)) for (const [i, item] of json.entries()) json[i] = doubles(item, inner);
  else if (isObject(json)) for (const key of Object.keys(json)) set(json, key, doubles(json[key], inner));
  return json;
}

function exactAny(json: unknown, place: Place): unknown {
  if (!isObject(json) || typeof json['@type'] !== 'string') return json;
  const type = place.registry.getMessage(json['@type'].slice(json['@type'].lastIndexOf('/') + 1));
  if (type === undefined) return json;
  const inner = at(place, place.path, 1);
  // Types with their own JSON form are under "value" (ProtoJSON format, "Any").
  if (!type.typeName.startsWith('google.protobuf.')) return exactFields(type, json, inner);
  if (Object.hasOwn(json, 'value')) json.value = exactMessage(type, json.value, at(inner, `${place.path}.value`));
  return json;
}

function finite({ text }: NumberText, path: string): number {
  const value = Number(text);
  return Number.isFinite(value) ? value : refuse(path, 'is no number that it can hold');
}

function refuse(path: string, why: string): never {
  throw new InexactJson(path, why);
}

/**
 * RFC 3339, section 5.6, with the days that section 5.7 gives a month; no leap seconds, because
 * google.protobuf.Timestamp has none.
 */
function isTime(text: string): boolean {
  const [, year, month, day] = timeFormat.exec(text) ?? [];
  if (year === undefined || Number(day) > new Date(Date.UTC((Number(year) % 400) + 2_000, Number(month), 0)).getUTCDate()) return false;
  const ms = Date.parse(text);
  return ms >= timeLeastMs && ms < timeEndMs;
}
/** ProtoJSON takes no lower-case letters. */
const timeFormat =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
/** google.protobuf.Timestamp: the years 1 to 9999. */
const [timeLeastMs, timeEndMs] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('+010000-01-01T00:00:00Z')];

/** google.protobuf.Duration: about 10,000 years. */
function isDuration(text: string): boolean {
  const [, seconds] = /^-?(\d{1,12})(?:\.\d{1,9})?s$/.exec(text) ?? [];
  return seconds !== undefined && Number(seconds) <= 315_576_000_000;
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof NumberText);
}

/** Also for the key `__proto__`. */
function set(json: Record<string, unknown>, key: string, value: unknown): void {
  if (value !== json[key] || key === '__proto__') Object.defineProperty(json, key, { value, writable: true, enumerable: true, configurable: true });
}

const named = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();
/** By the name in the .proto and by the name in JSON. */
function fieldsOf(type: DescMessage): ReadonlyMap<string, DescField> {
  const known = named.get(type);
  if (known !== undefined) return known;
  const fields = new Map(type.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]));
  named.set(type, fields);
  return fields;
}
