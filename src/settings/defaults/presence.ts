import { z } from 'zod';
import { durationText } from '../../core/kit/duration.ts';
import { leaveAfterMsMax, listMaxMax } from '../../core/ports/presence-limits.ts';
import { duration } from '../value-formats.ts';

/** `live.namespaces.NAME.presence` */
export const topicPresence = z
  .strictObject({
    listMax: z
      .int()
      .min(0)
      .max(listMaxMax)
      .default(100)
      .describe('The largest number of users of a topic that are listed. Above it only their number is reported.'),
    leaveAfter: duration('0s', durationText(leaveAfterMsMax))
      .prefault('15s')
      .describe('How long a user who was disconnected still counts as present.'),
  })
  .optional()
  .describe('Clients that listen to a topic may know who else does. Unset: presence is off.');

/** `chat.presence` */
export const conversationPresence = z
  .strictObject({
    listMax: z
      .int()
      .min(0)
      .max(listMaxMax)
      .default(100)
      .describe('The largest number of users who are listed to each other. Above it only their number is sent.'),
    leaveAfter: duration('0s', durationText(leaveAfterMsMax))
      .prefault('5s')
      .describe('How long a user who does not look at the conversation any more still counts as present.'),
  })
  .prefault({})
  .describe('Members see which of them look at a conversation.');
