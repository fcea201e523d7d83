/** The network, not the person: IPv4 without its last byte, IPv6 without all but its first 48 bits. */
export function networkOf(address: string): string {
  const unmapped = withoutMapping(address);
  return unmapped.includes(':') ? `${firstGroups(unmapped, 3)}::` : unmapped.replace(/\.\d+$/, '.0');
}

/** What one customer of a provider has: an IPv4 address, or an IPv6 network of 64 bits (RFC 6177). */
export function subscriberOf(address: string): string {
  const unmapped = withoutMapping(address);
  return unmapped.includes(':') ? firstGroups(unmapped, 4) : unmapped;
}

/** An IPv4 address of a socket that listens for both (RFC 4291, section 2.5.5.2) is that address. */
const withoutMapping = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** The first groups of 16 bits, of however the IPv6 address is written (RFC 4291, section 2.2). */
function firstGroups(address: string, count: number): string {
  const [before = '', after] = address.split('::', 2);
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...tail].slice(0, count);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}
