import type { Row } from './table.ts';

const device = { platform: 'ios', name: 'a phone' };
const signInAs = (user: string) => ({ identity: { case: 'dev', value: { user } }, device });
const tokens = { accessToken: '*', refreshToken: '*', expiresIn: 600 };

const chat = 'portico.v1.ChatService';
const nowhere = { conversationId: '01890000-0000-7000-8000-000000000000' };
/** Each method of a conversation, with what it needs: nobody is answered, and a user who is no member finds nothing. */
const ofConversations: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  GetHistory: {},
  Post: { entry: { clientId: 'x', what: { case: 'message', value: { content: { text: 'x' } } } } },
  ListMembers: {},
  ChangeMembers: { changes: [{ userId: 'erin', role: 1 }] },
  LeaveConversation: {},
  MarkReceived: {},
  MuteConversation: {},
  HideMessage: { seq: 1n },
  SearchMessages: { query: 'x' },
};
const chatRows: readonly Row[] = [
  { method: `${chat}/CreateConversation`, says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  {
    method: `${chat}/CreateConversation`,
    says: 'a group of one',
    as: 'erin',
    request: { kind: 2, title: 'Notes', clientId: 'of all protocols' },
    answers: [
      {
        created: '?',
        conversation: {
          ...{ id: '*', kind: 'CONVERSATION_KIND_GROUP', title: 'Notes', createdAt: '*', lastSeq: '1', membersCount: 1 },
          own: { role: 'MEMBER_ROLE_OWNER', ownSeq: '1', asOfSeq: '1' },
        },
      },
    ],
  },
  { method: `${chat}/ListConversations`, says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  { method: `${chat}/Connect`, says: 'nobody is told so', request: [], answers: [], reason: 'TOKEN_MISSING' },
  {
    method: `${chat}/Connect`,
    says: 'hello, welcome, goodbye',
    as: 'erin',
    request: [{ message: { case: 'hello', value: {} } }, { message: { case: 'goodbye', value: {} } }],
    answers: [{ welcome: { streamId: '*', heartbeatMs: 25_000, acknowledgeEvery: 250, serverTime: '*', endsAt: '*' } }],
  },
  { method: `${chat}/Open`, says: 'nobody is told so', request: { hello: {} }, answers: [], reason: 'TOKEN_MISSING' },
  {
    method: `${chat}/Open`,
    says: 'without hello it is told which rule it breaks',
    as: 'erin',
    request: {},
    answers: [],
    reason: 'REQUEST_INVALID',
    details: ['google.rpc.BadRequest'],
    fields: ['hello'],
  },
  {
    method: `${chat}/Send`,
    says: 'a stream that is not there',
    as: 'erin',
    request: { streamId: 'none', n: 1n, message: { message: { case: 'heartbeat', value: {} } } },
    answers: [],
    reason: 'STREAM_UNKNOWN',
  },
  { method: `${chat}/ListConversations`, says: 'none yet', as: 'new dora', request: {}, answers: [{}] },
  ...Object.entries(ofConversations).flatMap(([name, request]) => [
    { method: `${chat}/${name}`, says: 'nobody is told so', request: { ...nowhere, ...request }, answers: [], reason: 'TOKEN_MISSING' },
    {
      method: `${chat}/${name}`,
      says: 'one that is not there',
      as: 'erin',
      request: { ...nowhere, ...request },
      answers: [],
      reason: 'CONVERSATION_UNKNOWN',
    },
  ]),
];

const devices = 'portico.v1.DeviceService';
const deviceRows: readonly Row[] = [
  { method: `${devices}/RegisterPushToken`, says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  {
    method: `${devices}/RegisterPushToken`,
    says: 'without a token it is told which rule it breaks',
    as: 'erin',
    request: {},
    answers: [],
    reason: 'REQUEST_INVALID',
    details: ['google.rpc.BadRequest'],
    fields: ['token'],
  },
  { method: `${devices}/DropPushToken`, says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  { method: `${devices}/DropPushToken`, says: 'there is none', as: 'erin', request: {}, answers: [{}] },
];

const safety = 'portico.v1.SafetyService';
const reportsOff = {
  method: `${safety}/ReportMessage`,
  says: 'nobody receives any here',
  as: 'erin',
  request: { ...nowhere, seq: 1n, reason: 1 },
  answers: [],
  reason: 'REPORTS_OFF',
};
const safetyRows: readonly Row[] = [
  reportsOff,
  ...['BlockUser', 'UnblockUser', 'ListBlockedUsers'].flatMap((name) => [
    { method: `${safety}/${name}`, says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
    name === 'ListBlockedUsers'
      ? { method: `${safety}/${name}`, says: 'none yet', as: 'erin', request: {}, answers: [{}] }
      : {
          method: `${safety}/${name}`,
          says: 'with too long an id it is told which rule it breaks',
          as: 'erin',
          request: { userId: 'x'.repeat(201) },
          answers: [],
          reason: 'REQUEST_INVALID',
          details: ['google.rpc.BadRequest'],
          fields: ['user_id'],
        },
  ]),
];
const media = 'portico.v1.MediaService';
const noSuch = { attachmentId: '00000000-0000-4000-8000-000000000000' };
const mediaRows: readonly Row[] = [
  ...['GetUpload', 'Download', 'CreateLink'].flatMap((name) => [
    { method: `${media}/${name}`, says: 'nobody is told so', request: noSuch, answers: [], reason: 'TOKEN_MISSING' },
    { method: `${media}/${name}`, says: 'one that is not there', as: 'erin', request: noSuch, answers: [], reason: 'ATTACHMENT_UNKNOWN' },
  ]),
  { method: `${media}/DownloadByLink`, says: 'a made-up link', request: { ...noSuch, link: 'made-up' }, answers: [], reason: 'LINK_INVALID' },
  { method: `${media}/Upload`, says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  {
    method: `${media}/Upload`,
    says: 'a message of nothing is told which rule it breaks',
    as: 'erin',
    request: {},
    answers: [],
    reason: 'REQUEST_INVALID',
    details: ['google.rpc.BadRequest'],
    fields: ['message'],
  },
];

/** Core's own services, which every server has. */
export const coreRows: readonly Row[] = [
  ...chatRows,
  ...deviceRows,
  ...safetyRows,
  ...mediaRows,
  {
    method: 'portico.v1.BootstrapService/GetBootstrap',
    says: 'nobody needs to sign in for it',
    request: {},
    answers: [{ serverTime: '*', heartbeatMs: 25_000, keepaliveMs: 45_000 }],
  },
  {
    method: 'portico.v1.SessionService/SignIn',
    says: 'a dev identity gets tokens',
    request: signInAs('dora'),
    answers: [{ ...tokens, sessionId: '*', userId: 'dora' }],
    metadata: { etag: undefined, 'portico-cache': undefined },
  },
  {
    method: 'portico.v1.SessionService/SignIn',
    says: 'without an identity it is told which rules it breaks',
    request: { device: { platform: 'toaster', name: '' } },
    answers: [],
    reason: 'REQUEST_INVALID',
    details: ['google.rpc.BadRequest'],
    fields: ['device.platform', 'device.name', 'identity'],
  },
  {
    method: 'portico.v1.SessionService/Refresh',
    says: 'a refresh token gives new tokens',
    request: async ({ call }) => {
      const { messages } = await call('portico.v1.SessionService/SignIn', signInAs('dora'));
      return { refreshToken: messages[0]?.refreshToken };
    },
    answers: [tokens],
  },
  {
    method: 'portico.v1.SessionService/Refresh',
    says: 'a made-up refresh token is refused',
    request: { refreshToken: 'made-up' },
    answers: [],
    reason: 'REFRESH_TOKEN_INVALID',
  },
  { method: 'portico.v1.SessionService/SignOut', says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  { method: 'portico.v1.SessionService/SignOut', says: 'a session ends', as: 'new dora', request: {}, answers: [{ sessionsEnded: 1 }] },
  { method: 'portico.v1.SessionService/ListDevices', says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  {
    method: 'portico.v1.SessionService/ListDevices',
    says: 'the one device of a user',
    as: 'erin',
    request: {},
    answers: [{ devices: [{ sessionId: '*', device: { platform: 'ios', name: 'a test' }, signedInAt: '*', lastSeenAt: '*', current: true }] }],
  },
  {
    method: 'portico.v1.SessionService/RevokeDevice',
    says: 'a device that is not there',
    as: 'erin',
    request: { sessionId: '01890000-0000-7000-8000-000000000000' },
    answers: [],
    reason: 'DEVICE_UNKNOWN',
  },
  {
    method: 'portico.v1.SessionService/RevokeDevice',
    says: 'another device of the same user',
    as: 'frank',
    request: async ({ call }) => {
      const { messages } = await call('portico.v1.SessionService/SignIn', signInAs('frank'));
      return { sessionId: messages[0]?.sessionId };
    },
    answers: [{}],
  },
  {
    method: 'portico.v1.SessionService/RevokeDevice',
    says: 'an id that is none',
    as: 'erin',
    request: { sessionId: 'nonsense' },
    answers: [],
    reason: 'REQUEST_INVALID',
    details: ['google.rpc.BadRequest'],
    fields: ['session_id'],
  },
  { method: 'portico.v1.LiveService/Connect', says: 'nobody is told so', request: [], answers: [], reason: 'TOKEN_MISSING' },
  {
    method: 'portico.v1.LiveService/Connect',
    says: 'hello, welcome, goodbye',
    as: 'erin',
    request: [{ message: { case: 'hello', value: {} } }, { message: { case: 'goodbye', value: {} } }],
    answers: [{ welcome: { streamId: '*', heartbeatMs: 25_000, acknowledgeEvery: 250, serverTime: '*', endsAt: '*' } }],
  },
  { method: 'portico.v1.LiveService/Open', says: 'nobody is told so', request: { hello: {} }, answers: [], reason: 'TOKEN_MISSING' },
  {
    method: 'portico.v1.LiveService/Open',
    says: 'without hello it is told which rule it breaks',
    as: 'erin',
    request: {},
    answers: [],
    reason: 'REQUEST_INVALID',
    details: ['google.rpc.BadRequest'],
    fields: ['hello'],
  },
  {
    method: 'portico.v1.LiveService/Send',
    says: 'a stream that is not there',
    as: 'erin',
    request: { streamId: 'none', n: 1n, message: { message: { case: 'heartbeat', value: {} } } },
    answers: [],
    reason: 'STREAM_UNKNOWN',
  },
];
