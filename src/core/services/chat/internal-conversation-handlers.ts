import { ConversationServiceDefinition } from '../../../gen/portico/internal/v1/conversation.ts';
import { ruleBroken } from '../../kit/fault.ts';
import type { Handler, ReadyCall } from '../../ports/call.ts';
import type { Role } from '../../ports/chat.ts';
import type { ChatWrites } from '../../ports/chat-writes.ts';
import { type ServiceMethods, serviceHandlers } from '../service-handlers.ts';
import { canonicalId, canonicalIds, changeIn, contentIn, kindIn, postedOut } from './encode-chat.ts';
import type { ChatActions } from './store-then-announce.ts';

/** @param name of the service, or of what else speaks */
export function chatWrites(actions: ChatActions, newId: () => string, name: string): ChatWrites {
  const system = { kind: 'system', id: name } as const;
  return {
    create: async ({ clientId, kind, members, subject = '', title = '' }) => {
      const { conversation, event } = await actions.create({ id: newId(), kind, subject, title, createdBy: system, clientId, members });
      return { conversationId: conversation.id, created: event?.seq === 1 };
    },
    setMembers: async (conversationId, changes) => (await actions.changeMembers(canonicalId(conversationId), system, changes))?.seq ?? 0,
    say: (conversationId, { bot, ...message }) =>
      actions.post(canonicalId(conversationId), { ...message, kind: 'message', sender: bot === undefined ? system : { kind: 'bot', id: bot } }),
  };
}

/** The handlers of portico.internal.v1.ConversationService: each service speaks by its own name. */
export function conversationHandlers(writesAs: (name: string) => ChatWrites): Readonly<Record<string, Handler>> {
  const answers: ServiceMethods<typeof ConversationServiceDefinition> = {
    create: async ({ kind, members, ...wish }, call) => {
      const roles = members.map(changeIn).map(({ userId, role }) => ({ userId, role: role as Role }));
      if (roles.some(({ role }) => role === undefined)) throw ruleBroken('members', 'must each have a role');
      return writesAs(nameOf(call)).create({ ...wish, kind: kindIn(kind), members: roles });
    },
    setMembers: async ({ conversationId, changes }, call) => ({
      seq: BigInt(await writesAs(nameOf(call)).setMembers(conversationId, changes.map(changeIn))),
    }),
    say: async ({ conversationId, clientId, bot, content, replyToSeq }, call) => {
      const message = { clientId, ...contentIn(content), ...(bot !== '' && { bot }), replySeq: replyToSeq === 0n ? undefined : Number(replyToSeq) };
      return { posted: postedOut(await writesAs(nameOf(call)).say(conversationId, message)) };
    },
  };
  return serviceHandlers(ConversationServiceDefinition, answers, canonicalIds);
}

function nameOf({ caller, plan }: ReadyCall): string {
  if (caller?.kind !== 'service') throw new Error(`${plan.method} needs a service: its policy says so.`);
  return caller.name;
}
