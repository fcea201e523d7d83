import type { OutgoingHttpHeaders } from 'node:http';
import type { Attachment } from '../../../gen/portico/v1/media.ts';

/** What browsers show without running anything in it. Others, and images of markup, are saved. */
const shown = /^(image\/(?!svg)|audio\/|video\/)/;

/**
 * Content of users under the server's own origin: nothing of it runs, no browser guesses another type, and the server
 * decides whether it is shown. Caches ask each time, because the right to see it may end.
 */
export function safeHeaders({ contentType, name }: Pick<Attachment, 'contentType' | 'name'>): OutgoingHttpHeaders {
  const how = shown.test(contentType) ? 'inline' : 'attachment';
  return {
    'content-disposition': name === '' ? how : `${how}; filename*=UTF-8''${escaped(name)}`,
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'private, no-cache',
  };
}

/** RFC 8187, section 3.2.1: `encodeURIComponent` leaves four characters that are none of an `attr-char`. */
function escaped(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
