/** Into how many buckets tags without a version of their own are laid. */
export const bucketCount = 16_384;

/** The bucket of a tag: FNV-1a over its characters, the same in every process and release. Tags are ASCII. */
export function bucketOf(tag: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < tag.length; i++) hash = Math.imul(hash ^ tag.charCodeAt(i), 0x01000193);
  return ((hash >>> 16) ^ hash) & (bucketCount - 1);
}
