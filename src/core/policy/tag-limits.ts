/** The largest number of tags of one answer, from the policy and the screen together. */
export const tagsMax = 64;
/**
 * The longest tag in bytes, and the characters it may contain: facts of the cache's design (CloudFront: 50 tags of 256;
 * Akamai: 128 of 128).
 */
export const tagBytesMax = 256;
/** The characters of a tag. */
export const printable = /^[!-~]+$/;

/** Whether `tag` can be a tag: 1 to 256 printable ASCII characters without spaces. */
export function isTag(tag: string): boolean {
  return tag.length <= tagBytesMax && printable.test(tag);
}
