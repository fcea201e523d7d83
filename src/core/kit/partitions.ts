/** The number of slots of a Redis Cluster. */
export const slotCount = 16_384;
/**
 * The number of partitions of topics and tags. It is a power of two and larger than the number of nodes of any cluster,
 * so that each node has about the same number.
 */
export const partitionCount = 128;

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  return crc;
});

/**
 * CRC16 of a text's UTF-8 bytes (XMODEM: polynomial 0x1021, initial value 0), as the Redis Cluster specification
 * defines it.
 */
export function crc16(text: string): number {
  let crc = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (byte > 0x7f) return crc16OfBytes(Buffer.from(text));
    crc = ((crc << 8) & 0xffff) ^ (crcTable[(crc >> 8) ^ byte] as number);
  }
  return crc;
}

function crc16OfBytes(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (crcTable[(crc >> 8) ^ byte] as number);
  return crc;
}

/**
 * The slot of a key: of the text between its first `{` and the next `}` if it is not empty, otherwise of the whole key.
 */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  return crc16(close > open + 1 ? key.slice(open + 1, close) : key) % slotCount;
}

/**
 * One hash tag for each partition, their slots spread evenly over the slot space, so that any even share of the slots
 * has an even share of the partitions. Each tag is the first hexadecimal number whose slot lies in the partition's part
 * of the slot space. The numbers of the partitions themselves would be spread unevenly.
 */
export const partitionTags: readonly string[] = (() => {
  const tags: string[] = new Array(partitionCount);
  const width = slotCount / partitionCount;
  for (let k = 0, found = 0; found < partitionCount; k++) {
    const tag = k.toString(16);
    const partition = Math.floor((crc16(tag) % slotCount) / width);
    if (tags[partition] !== undefined) continue;
    tags[partition] = tag;
    found++;
  }
  return tags;
})();

/** The partition of a topic or a tag: the same in every process and release. */
export function partitionOf(name: string): number {
  return crc16(name) % partitionCount;
}
