import { type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { type ComplexityBounds, requestBounds, tooComplex } from './request-complexity.ts';
import { type WireField, type WireFields, wireFieldsOf } from './wire-fields.ts';

const { depth: depthMax } = requestBounds;

/**
 * Makes a message unambiguous: bytes that every codec reads as protobuf-es does, which has checked their rules. Most
 * pass unchanged. Fields that protobuf-es would merge are merged and encoded again.
 * @throws Error when the bytes cannot be decoded, or are ambiguous
 */
export function oneReading(type: DescMessage): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const scan = scanned(type, bytes);
    if (scan === undefined || scan.reading === 'ambiguous')
      throw new Error(`These bytes are no ${type.typeName}: codecs would read different things.`);
    return scan.reading === 'plain' ? bytes : toBinary(type, fromBinary(type, bytes), { writeUnknownFields: false });
  };
}

/**
 * How codecs read an encoded message. `plain`: every codec reads the same. `merged`: parts must be merged or filled in,
 * which protobuf-es does and ts-proto does not. `ambiguous`: codecs would read different values, because a field has
 * the wire type of another, or is longer than its message.
 */
export type Reading = 'plain' | 'merged' | 'ambiguous';
export type Scanned = { readonly reading: Reading; readonly unknown: boolean };

/**
 * Scans an encoded message once. It reads only tags and lengths, which costs less than decoding.
 * @param isRequest of a client: it has at most as many fields and levels as `requestBounds` allows
 * @returns also whether there are unknown fields; undefined: these bytes are no message of any type, because a field
 * has no number, no known wire type, or not all its bytes (protobuf.dev, "Encoding")
 * @throws Fault REQUEST_TOO_COMPLEX: each field and level costs a decoder as much as a large one
 */
export function scanned(type: DescMessage, bytes: Uint8Array, isRequest = false): Scanned | undefined {
  const scan: Scan = { bytes, isRequest, pos: 0, depth: 0, fields: 0, unknownFields: 0, reading: 'plain', unknown: false };
  return readsAsMessage(wireFieldsOf(type), scan, bytes.length) ? scan : undefined;
}

type Scan = {
  readonly bytes: Uint8Array;
  readonly isRequest: boolean;
  pos: number;
  depth: number;
  fields: number;
  unknownFields: number;
  reading: Reading;
  unknown: boolean;
};

function beyond({ isRequest }: Scan, bound: keyof ComplexityBounds): false {
  if (isRequest) throw tooComplex(bound);
  return false;
}

/** @returns false: malformed */
function readsAsMessage(fields: WireFields, scan: Scan, end: number, needs?: WireField['needs']): boolean {
  if (++scan.depth > depthMax) return beyond(scan, 'depth');
  let seen = 0;
  let parts = 0;
  while (scan.pos < end) {
    const tag = uint32(scan);
    const field = fields.get(tag >>> 3);
    parts += tag >>> 3;
    if (++scan.fields > requestBounds.fields && scan.isRequest) return beyond(scan, 'fields');
    if (field === undefined) {
      scan.unknown = true;
      if (++scan.unknownFields > requestBounds.unknownFields && scan.isRequest) return beyond(scan, 'unknownFields');
      if (!(tag >= 8) || !skips(scan, tag)) return false;
    } else {
      if ((seen & field.bit) !== 0) merge(scan);
      seen |= field.bit;
      if (!readsAsField(field, scan, tag, end)) return false;
    }
  }
  // ts-proto drops a map entry without a value, and does not merge a value that occurs twice: fields 1 and 2 must occur
  // once.
  if (needs === 'entry' && (parts !== 3 || seen !== 3)) merge(scan);
  if (needs === 'kind' && seen === 0) merge(scan); // in a Struct it is null to protobuf-es, and absent to ts-proto
  scan.depth--;
  return scan.pos === end;
}

function readsAsField(field: WireField, scan: Scan, tag: number, end: number): boolean {
  if (field.special) {
    scan.unknown = true; // an enum's unknown value is an unknown field
    merge(scan);
  }
  const wireType = tag & 7;
  const isPacked = field.packable && wireType === WireType.LengthDelimited;
  if (wireType !== field.wireType && !isPacked) scan.reading = 'ambiguous';
  if (wireType !== WireType.LengthDelimited || (field.child === undefined && !isPacked)) return skips(scan, tag);
  const inner = uint32(scan) + scan.pos;
  if (!(inner <= end)) return false;
  const { depth } = scan;
  if (!(isPacked ? arePacked(field.wireType, scan, inner) : readsAsMessage(field.child as WireFields, scan, inner, field.needs)))
    scan.reading = 'ambiguous';
  scan.depth = depth;
  scan.pos = inner;
  return true;
}

function merge(scan: Scan): void {
  if (scan.reading === 'plain') scan.reading = 'merged';
}

/** Packed numbers end where their field does. */
function arePacked(wireType: number, { bytes, pos }: Scan, end: number): boolean {
  if (wireType === WireType.Varint) return end === pos || (bytes[end - 1] as number) < 128;
  return (end - pos) % (wireType === WireType.Bit64 ? 8 : 4) === 0;
}

/** Skips the value of a tag. */
function skips(scan: Scan, tag: number): boolean {
  switch (tag & 7) {
    case WireType.Varint: {
      const last = scan.pos + 10;
      while (scan.pos < last) if ((scan.bytes[scan.pos++] ?? 255) < 128) return true;
      return false;
    }
    case WireType.Bit64:
      scan.pos += 8;
      return true;
    case WireType.Bit32:
      scan.pos += 4;
      return true;
    case WireType.LengthDelimited: {
      const length = uint32(scan);
      scan.pos += length;
      return true;
    }
    case WireType.StartGroup:
      if (++scan.depth > depthMax) return beyond(scan, 'depth');
      for (;;) {
        const inner = uint32(scan);
        if (!(inner >= 8)) return false;
        if ((inner & 7) === WireType.EndGroup) {
          scan.depth--;
          return inner >>> 3 === tag >>> 3;
        }
        if (++scan.unknownFields > requestBounds.unknownFields && scan.isRequest) return beyond(scan, 'unknownFields');
        if (!skips(scan, inner)) return false;
      }
    default:
      return false;
  }
}

/** @returns a tag or a length; NaN when it is invalid, for which every comparison is false */
function uint32(scan: Scan): number {
  const { bytes } = scan;
  let byte = bytes[scan.pos++] ?? Number.NaN;
  if (byte < 128) return byte;
  let value = byte & 127;
  for (let factor = 128; factor <= 2 ** 28; factor *= 128) {
    byte = bytes[scan.pos++] ?? Number.NaN;
    if (Number.isNaN(byte)) return Number.NaN;
    value += (byte & 127) * factor;
    if (byte < 128) return value < 2 ** 32 ? value : Number.NaN;
  }
  return Number.NaN;
}
