import { fileTypeFromBuffer } from 'file-type';

/** The type is in so many bytes at the beginning: more than `file-type` asks for (4,100). */
export const headBytes = 8_192;

/** Whatever is none of the known types. */
const unknownType = 'application/octet-stream';

/** The type of a content by its first bytes, never by its name. */
export async function contentTypeOf(head: Uint8Array): Promise<string> {
  return (await fileTypeFromBuffer(head))?.mime ?? unknownType;
}

/** @param allowed types such as "image/png", and kinds such as "image/*" */
export function isAllowedType(contentType: string, allowed: readonly string[]): boolean {
  return allowed.some((one) => one === contentType || (one.endsWith('/*') && contentType.startsWith(one.slice(0, -1))));
}
