/** The later one of two numbers of events: Math.max takes none of their type. */
export const later = (a: bigint, b: bigint): bigint => (a > b ? a : b);
