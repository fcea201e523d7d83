/** Says at the head of a page where it comes from. */
export const generatedBy = '<!-- Made by `npm run generate`: change what it is made from, not this page. A test compares. -->';

/** Text as it can stand in a cell of a table; what is in backticks stays as it is. */
export function cell(text: string): string {
  const parts = text
    .replace(/\s*\n\s*/g, ' ')
    .trim()
    .replaceAll('|', '\\|')
    .split('`');
  return parts.map((part, i) => (i % 2 === 1 ? part : part.replaceAll('<', '&lt;'))).join('`');
}
