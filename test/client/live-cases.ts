// The cases of docs/mobile/live-cases.json on our client.
import { type Action, initialState, type LiveEvent, type Notice } from '../../src/client/live/state.ts';
import { step } from '../../src/client/live/step.ts';
import { LiveHello, LivePublish, LiveRequest, LiveResponse, Position } from '../../src/gen/portico/v1/live.ts';
import { type CaseStep, type Json, player } from './case-file.ts';

function eventOf(event: CaseStep['event']): LiveEvent {
  const { message, request, position, event: published } = event as unknown as Record<string, never>;
  return {
    ...event,
    ...(message !== undefined && { message: LiveResponse.fromJSON(message) }),
    ...(request !== undefined && { request: Buffer.from(request, 'base64') }),
    ...(position !== undefined && { position: Position.fromJSON(position) }),
    ...(published !== undefined && { event: LivePublish.fromJSON(published) }),
  } as unknown as LiveEvent;
}

function jsonOf(action: Action): Json {
  switch (action.do) {
    case 'open':
      return { do: 'open', hello: LiveHello.toJSON(action.hello) };
    case 'send':
      return { do: 'send', message: LiveRequest.toJSON({ message: action.message }) };
    case 'notify':
      return { do: 'notify', notice: noticeOf(action.notice) };
    default:
      return { ...action };
  }
}

function noticeOf(notice: Notice): Json {
  if (notice.kind === 'subscribed') return { ...notice, position: notice.position && Position.toJSON(notice.position) };
  if (notice.kind === 'snapshot') return { ...notice, payload: Buffer.from(notice.payload).toString('base64') };
  if (notice.kind !== 'event') return JSON.parse(JSON.stringify(notice)) as Json; // what is undefined has no place in JSON
  return {
    kind: 'event',
    topic: notice.topic,
    payload: Buffer.from(notice.event.payload).toString('base64'),
    position: Position.toJSON(notice.position),
  };
}

export const played = player({ initial: initialState, step, eventOf, jsonOf });
