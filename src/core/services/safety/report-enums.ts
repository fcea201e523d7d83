import { ConversationKind, SenderKind } from '../../../gen/portico/v1/chat.ts';
import { ReportReason } from '../../../gen/portico/v1/safety.ts';
import type { ReportReason as Reason } from '../../ports/reports.ts';

export const reasonsOut: Readonly<Record<Reason, ReportReason>> = {
  spam: ReportReason.REPORT_REASON_SPAM,
  harassment: ReportReason.REPORT_REASON_HARASSMENT,
  hate: ReportReason.REPORT_REASON_HATE,
  violence: ReportReason.REPORT_REASON_VIOLENCE,
  sexual: ReportReason.REPORT_REASON_SEXUAL,
  self_harm: ReportReason.REPORT_REASON_SELF_HARM,
  fraud: ReportReason.REPORT_REASON_FRAUD,
  other: ReportReason.REPORT_REASON_OTHER,
};
export const kindsOut = { direct: ConversationKind.CONVERSATION_KIND_DIRECT, group: ConversationKind.CONVERSATION_KIND_GROUP } as const;
export const sendersOut = { user: SenderKind.SENDER_KIND_USER, bot: SenderKind.SENDER_KIND_BOT, system: SenderKind.SENDER_KIND_SYSTEM } as const;

/** Of a request whose rules were checked. */
export function reasonIn(reason: ReportReason): Reason {
  return (Object.keys(reasonsOut) as Reason[]).find((name) => reasonsOut[name] === reason) ?? 'other';
}
