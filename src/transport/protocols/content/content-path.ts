const place = /^\/media\/([0-9A-Fa-f-]{36})$/;

/** The attachment of a path such as "/media/…". @returns undefined: it is none of one */
export function attachmentIdIn(path: string): string | undefined {
  return place.exec(path)?.[1];
}
