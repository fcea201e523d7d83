/** The metrics page of a server: what was counted under a name, by its one label, or in all. */
export async function scraped({ adminUrl }: { readonly adminUrl: string }, name: string, label = ''): Promise<number> {
  const text = await pageOf(adminUrl, '/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.filter((line) => line.includes(label)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/**
 * A page of the admin listener, by a connection of its own: the server may close a kept one just when it is used again,
 * because it was idle for too long.
 */
export async function pageOf(adminUrl: string, path: '/metrics' | '/readyz' | '/livez'): Promise<string> {
  return (await fetch(new URL(path, adminUrl), { headers: { connection: 'close' } })).text();
}
