/** What a link gives: one attachment, to whoever has it, in place of a user. */
export type MediaLink = { readonly attachmentId: string; readonly userId: string; readonly sessionId: string | undefined };

/** The tokens of links. */
export type LinkTokens = {
  mint(link: MediaLink): Promise<string>;
  /** @throws Fault LINK_INVALID when it has ended, its session has, or it is no token of this server */
  verify(token: string): Promise<MediaLink>;
};
