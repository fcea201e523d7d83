import { randomUUID } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { Fault } from '../../kit/fault.ts';
import type { LinkTokens } from '../../ports/link-tokens.ts';
import type { Revocations } from '../../ports/revocations.ts';
import { type MintParts, mint, signingAlgorithm } from './access-tokens.ts';

const linkTyp = 'portico-link+jwt';
const linkAudience = 'portico-media';

/** Tokens of links to attachments, signed by the keys of access tokens: every replica has them. */
export function linkTokens({ revocations, ...parts }: MintParts & { readonly revocations: Pick<Revocations, 'has'> }): LinkTokens {
  const { keys, clock, issuer } = parts;
  const read = async (token: string) => {
    const kid = String(decodeProtectedHeader(token).kid);
    const key = keys.find(kid) ?? (await keys.look(kid));
    if (key === undefined) throw new Error('No key of this server.');
    const { payload } = await jwtVerify(token, key.publicKey, {
      algorithms: [signingAlgorithm],
      typ: linkTyp,
      issuer,
      audience: linkAudience,
      currentDate: new Date(clock.nowMs()),
    });
    return payload;
  };
  return {
    mint: ({ attachmentId, userId, sessionId }) =>
      mint(parts, { aud: linkAudience, sub: userId, jti: randomUUID(), attachment: attachmentId, ...(sessionId && { sid: sessionId }) }, linkTyp),
    verify: async (token) => {
      const { sub, sid, attachment } = await read(token).catch((cause: unknown) => {
        throw new Fault('LINK_INVALID', 'The link has ended, or is none of this server.', { cause });
      });
      if (typeof sid === 'string' && (await revocations.has(sid))) throw new Fault('LINK_INVALID', 'The session of the link has ended.');
      return { attachmentId: String(attachment), userId: String(sub), sessionId: typeof sid === 'string' ? sid : undefined };
    },
  };
}
