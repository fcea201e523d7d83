import type { DescMessage } from '@bufbuild/protobuf';
import { requestBounds, tooComplex } from './request-complexity.ts';
import { type WireFields, wireFieldsOf } from './wire-fields.ts';

type Scan = {
  readonly bytes: Uint8Array;
  at: number;
  fields: number;
  unknownFields: number;
};

/**
 * Whether bytes can be a protobuf message: every field has a number, a known wire type, and all its bytes
 * (protobuf.dev, "Encoding"). Values are not decoded, so the cost depends on the number of fields. What is within a
 * message is for its decoder; here it is only counted.
 * @throws Fault REQUEST_TOO_COMPLEX for too many fields or levels: each costs a decoder as much as a large one
 */
export function isWireFormat(type: DescMessage, bytes: Uint8Array): boolean {
  return isLevel({ bytes, at: 0, fields: 0, unknownFields: 0 }, wireFieldsOf(type), bytes.length, 1);
}

function isLevel(scan: Scan, fields: WireFields, end: number, depth: number): boolean {
  /** Open groups, which old protos have. */
  let groups = 0;
  if (depth > requestBounds.depth) throw tooComplex('depth');
  while (scan.at < end) {
    if (++scan.fields > requestBounds.fields) throw tooComplex('fields');
    const tag = varint(scan, end);
    if (tag < 8) return false; // no number, or no end
    const field = groups === 0 ? fields.get(tag >>> 3) : undefined;
    if (field === undefined && (tag & 7) !== 4 && ++scan.unknownFields > requestBounds.unknownFields) throw tooComplex('unknownFields');
    switch (tag & 7) {
      case 0:
        if (varint(scan, end) < 0) return false;
        break;
      case 1:
        scan.at += 8;
        break;
      case 2: {
        const size = varint(scan, end);
        const inner = scan.at + size;
        if (size < 0 || inner > end) return false;
        if (field?.child !== undefined) isLevel(scan, field.child, inner, depth + 1);
        scan.at = inner;
        break;
      }
      case 3:
        if (depth + ++groups > requestBounds.depth) throw tooComplex('depth');
        break;
      case 4:
        if (--groups < 0) return false;
        break;
      case 5:
        scan.at += 4;
        break;
      default:
        return false;
    }
  }
  return scan.at === end && groups === 0;
}

/** @returns a varint's value in 32 bits; -1 when it does not end */
function varint(scan: Scan, end: number): number {
  const { bytes } = scan;
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = scan.at < end ? (bytes[scan.at++] as number) : -1;
    if (byte < 0) return -1;
    if (shift < 28) value |= (byte & 0x7f) << shift;
    else if (shift === 28) value = (value | ((byte & 0x7f) << 28)) >>> 0;
    if (byte < 0x80) return value >>> 0;
  }
  return -1;
}
