/** The metrics page of a server: what was counted under a name, by its one label, or in all. */
export async function scraped({ adminUrl }: { readonly adminUrl: string }, name: string, label = ''): Promise<number> {
  const text = await (await fetch(new URL('/metrics', adminUrl))).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.filter((line) => line.includes(label)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
