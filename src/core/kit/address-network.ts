/** The network, not the person: IPv4 without its last byte, IPv6 without all but its first 48 bits. */
export function networkOf(address: string): string {
  if (address.includes('.') && !address.startsWith('::')) return address.replace(/\.\d+$/, '.0');
  if (address.startsWith('::ffff:')) return networkOf(address.slice('::ffff:'.length));
  return `${address.split(':').slice(0, 3).join(':')}::`;
}

/** What one customer of a provider has: an IPv4 address, or an IPv6 network of 64 bits (RFC 6177). */
export function subscriberOf(address: string): string {
  const mapped = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!mapped.includes(':')) return mapped;
  const [before = '', after] = mapped.split('::', 2);
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...tail];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
