import { z } from 'zod';
import { duration, name, text } from '../value-formats.ts';
import { ruleFields, ruleKind } from './caller-rule.ts';
import { conversationPresence } from './presence.ts';

const subject = z.strictObject({
  open: ruleKind
    .default('method')
    .describe(
      'Who may open a conversation about "kind:name". users: all. owner: the user whose id is the name. claim: users whose `claim` is the name. method: users whom `method` answers, given the name in `field`.',
    ),
  scopes: z.array(text()).max(20).default([]).describe('Scopes that such a user needs.'),
  ...ruleFields('open'),
});

/** The text search configurations that every PostgreSQL has. */
const languages = [
  ...['simple', 'arabic', 'armenian', 'basque', 'catalan', 'danish', 'dutch', 'english', 'finnish', 'french', 'german', 'greek'],
  ...['hindi', 'hungarian', 'indonesian', 'irish', 'italian', 'lithuanian', 'nepali', 'norwegian', 'portuguese', 'romanian'],
  ...['russian', 'serbian', 'spanish', 'swedish', 'tamil', 'turkish', 'yiddish'],
] as const;

/** Whoever has left a group stays out for a day: the event that says so must be there. */
const retentionAge = (what: string) => duration('48h', '87600h').optional().describe(`Of ${what}, such as 8760h, which is a year. Unset: for ever.`);

const hook = z.strictObject({
  upstream: name().describe('The upstream that serves portico.internal.v1.ChatHookService. It is asked about each message and edit of a user.'),
  deadline: duration('10ms', '10s').prefault('500ms').describe('Time for its answer. A sender waits for it.'),
  absent: z
    .enum(['refuse', 'accept'])
    .default('refuse')
    .describe('What becomes of a message that it did not answer. refuse: its sender may try again. accept: it is stored as it was sent.'),
});

const reports = z.strictObject({
  upstream: name().describe('The upstream that serves portico.internal.v1.ChatReportService. It receives each message that a user reports.'),
  deadline: duration('10ms', '60s').prefault('5s').describe('Time for its answer. A report that was not answered is sent again.'),
  perHour: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe('Reports of one user in an hour at one replica, on average; as many at once. Beyond it: REPORTS_TOO_MANY.'),
});

export const chat = z
  .strictObject({
    hook: hook.optional().describe('Unset: messages are stored as they were sent.'),
    retention: z
      .strictObject({
        direct: retentionAge('direct conversations'),
        group: retentionAge('groups'),
      })
      .prefault({})
      .describe('How long events of conversations are kept: messages, edits, reactions, changes of members.'),
    reports: reports.optional().describe('Unset: users cannot report messages, REPORTS_OFF.'),
    subjects: z
      .record(name(), subject)
      .prefault({})
      .describe('What users may open conversations about, "kind:name", by kind. Internal services may open conversations about anything.'),
    withoutSubject: z
      .boolean()
      .default(true)
      .describe('Users may open conversations without a subject, with anyone who has not blocked them. false: only those about a subject.'),
    presence: conversationPresence,
    search: z
      .strictObject({
        language: z
          .enum(languages)
          .default('simple')
          .describe(
            'The text search configuration of PostgreSQL that takes text apart, such as german: it knows forms of words. simple: words as they are written, in any language.',
          ),
        perMinute: z
          .int()
          .min(1)
          .max(100_000)
          .default(60)
          .describe('Pages of searches of one user in a minute at one replica, on average; as many at once. Beyond it: SEARCHES_TOO_MANY.'),
      })
      .prefault({})
      .describe('Search in a conversation.'),
    writesPerSecond: z
      .int()
      .min(1)
      .max(10_000)
      .default(20)
      .describe(
        'Messages and other changes of one user in a second at one replica, on average; ten times as many at once. Beyond it: MESSAGES_TOO_MANY. Receipts on a stream have the limit of `live.messagesPerSecond`.',
      ),
    additionsPerHour: z
      .int()
      .min(100)
      .max(1_000_000)
      .default(500)
      .describe(
        'Users whom one user brings into conversations, or gives another role, in an hour at one replica, on average; as many at once. Beyond it: ADDITIONS_TOO_MANY.',
      ),
  })
  .prefault({})
  .describe('Conversations: ChatService.');
