import { requestBounds, tooComplex } from './too-complex.ts';

/**
 * Whether bytes can be a protobuf message: every field has a number, a known wire type, and all its bytes
 * (protobuf.dev, "Encoding"). Values are not decoded, so the cost depends on the number of fields.
 * @throws Fault REQUEST_TOO_COMPLEX for too many fields: each costs a decoder as much as a large one
 */
export function isWireFormat(bytes: Uint8Array): boolean {
  const { length } = bytes;
  let at = 0;
  let fields = 0;
  /** Open groups, which old protos have. */
  let depth = 0;
  /** @returns a varint's value in 32 bits; -1 when it does not end */
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = at < length ? (bytes[at++] as number) : -1;
      if (byte < 0) return -1;
      if (shift < 28) value |= (byte & 0x7f) << shift;
      else if (shift === 28) value = (value | ((byte & 0x7f) << 28)) >>> 0;
      if (byte < 0x80) return value >>> 0;
    }
    return -1;
  };
  while (at < length) {
    if (++fields > requestBounds.fields) throw tooComplex('fields');
    const tag = varint();
    if (tag < 8) return false; // no number, or no end
    switch (tag & 7) {
      case 0:
        if (varint() < 0) return false;
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const size = varint();
        if (size < 0) return false;
        at += size;
        break;
      }
      case 3:
        depth++;
        break;
      case 4:
        if (--depth < 0) return false;
        break;
      case 5:
        at += 4;
        break;
      default:
        return false;
    }
  }
  return at === length && depth === 0;
}
