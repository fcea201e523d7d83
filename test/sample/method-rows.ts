import type { Json, Row } from '../e2e/methods/table.ts';

const order = (orderId: string, status: string, rest: Readonly<Record<string, Json>> = {}) => ({
  orderId,
  status: `ORDER_STATUS_${status}`,
  content: '*',
  recipient: '*',
  address: '*',
  weightGrams: '*',
  priceCents: '*',
  placedAt: '*',
  changedAt: '*',
  ...rest,
});
const wish = { content: 'A kite', recipient: 'Ada', address: 'Markt 1, Leipzig', weightGrams: 400 };
const placed = {
  content: 'A kite',
  recipient: 'Ada',
  address: 'Markt 1, Leipzig',
  weightGrams: 400,
  priceCents: '450',
};
const promotion = { promotionId: '*', title: '*', text: '*', endsAt: '*' };
const home = {
  profile: { userId: 'alice', displayName: '*', city: '*', points: '*', memberSince: '*' },
  orders: { orders: [order('1006', 'PLACED'), order('1005', 'PICKED_UP'), order('1003', 'OUT_FOR_DELIVERY')] },
  couriers: { names: '*', pickupMinutes: '*' },
  offers: { promotions: [promotion, promotion, promotion, promotion, promotion] },
  madeAt: '*',
};

/** The sample app before the sample company. */
export const sampleRows: readonly Row[] = [
  {
    method: 'app.v1.HomeService/GetHome',
    says: 'a home screen from four services',
    as: 'alice',
    request: {},
    answers: [home],
    metadata: { etag: /"/, 'portico-cache': /^(miss|hit)$/ },
  },
  { method: 'app.v1.HomeService/GetHome', says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  { method: 'app.v1.HomeService/GetHome', says: 'no profile, no screen', as: 'stranger', request: {}, answers: [], reason: 'PROFILE_UNKNOWN' },
  {
    method: 'app.v1.HomeService/StreamHome',
    says: 'a home screen at once',
    as: 'alice',
    request: {},
    answers: [home],
    metadata: { 'portico-cache': 'hit' },
  },
  { method: 'app.v1.HomeService/StreamHome', says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  {
    method: 'app.v1.OrderService/GetOrder',
    says: 'an order and who brings it',
    as: 'alice',
    request: { orderId: '1003' },
    answers: [{ order: order('1003', 'OUT_FOR_DELIVERY'), delivery: { courierName: '*', minutesLeft: '*' } }],
    metadata: { etag: /"/ },
  },
  {
    method: 'app.v1.OrderService/GetOrder',
    says: "another user's order is hidden",
    as: 'alice',
    request: { orderId: '1004' },
    answers: [],
    reason: 'ORDER_UNKNOWN',
  },
  {
    method: 'app.v1.OrderService/GetOrder',
    says: 'an id that breaks two rules',
    as: 'alice',
    request: { orderId: '/'.repeat(41) },
    answers: [],
    reason: 'REQUEST_INVALID',
    details: ['google.rpc.BadRequest'],
    fields: ['order_id', 'order_id'],
  },
  {
    method: 'app.v1.OrderService/ListOrders',
    says: 'a page of orders',
    as: 'alice',
    request: { pageSize: 2 },
    answers: [{ orders: [order('1006', 'PLACED'), order('1005', 'PICKED_UP')], nextPageToken: '1003' }],
    metadata: { etag: /"/ },
  },
  {
    method: 'app.v1.OrderService/PlaceOrder',
    says: 'a write that is forwarded',
    as: 'bob',
    request: wish,
    answers: [{ order: order('*', 'PLACED', placed) }],
    metadata: { etag: undefined },
  },
  {
    method: 'app.v1.OrderService/PlaceOrder',
    says: 'rules hold before the upstream is asked',
    as: 'bob',
    request: { ...wish, weightGrams: 30_001, content: '' },
    answers: [],
    reason: 'REQUEST_INVALID',
    details: ['google.rpc.BadRequest'],
    fields: ['content', 'weight_grams'],
  },
  {
    method: 'app.v1.OrderService/CancelOrder',
    says: 'an order that was just placed',
    as: 'bob',
    request: async ({ call }) => {
      const { messages } = await call('app.v1.OrderService/PlaceOrder', wish);
      return { orderId: (messages[0] as { readonly order: { readonly orderId: string } }).order.orderId };
    },
    answers: [{ order: order('*', 'CANCELLED', placed) }],
  },
  {
    method: 'app.v1.OrderService/CancelOrder',
    says: "an upstream's refusal passes untouched",
    as: 'alice',
    request: { orderId: '1003' },
    answers: [],
    foreignCode: 9,
  },
  {
    method: 'app.v1.PromotionService/ListPromotions',
    says: 'an answer that all share',
    as: 'carol',
    headers: { 'accept-language': 'de' },
    request: {},
    answers: [{ promotions: [promotion, promotion, promotion, promotion, promotion] }],
    metadata: { etag: /"/ },
  },
  { method: 'app.v1.PromotionService/ListPromotions', says: 'nobody is told so', request: {}, answers: [], reason: 'TOKEN_MISSING' },
  {
    method: 'app.v1.TrackingService/Track',
    says: 'one position of an order',
    as: 'alice',
    request: { orderId: '1003', positionsMax: 1 },
    answers: [{ orderId: '1003', position: { latitude: '*', longitude: '*' }, at: '*', minutesLeft: '*' }],
  },
  { method: 'app.v1.TrackingService/Track', says: "another user's order", as: 'alice', request: { orderId: '1004' }, answers: [], foreignCode: 5 },
  {
    method: 'app.v1.TrackingService/Follow',
    says: 'the first change of an order',
    as: 'alice',
    request: { orderId: '1003', changesMax: 1 },
    answers: [{ courierName: '*', minutesLeft: '*' }],
  },
  {
    method: 'app.v1.TrackingService/Follow',
    says: "another user's order",
    as: 'alice',
    request: { orderId: '1004' },
    answers: [],
    reason: 'ORDER_UNKNOWN',
  },
  {
    method: 'app.v1.TrackingService/ReportPositions',
    says: 'a courier reports two positions',
    as: 'carol',
    request: [{ position: { latitude: 51.34, longitude: 12.37 } }, { position: { latitude: 51.34, longitude: 12.37 } }],
    answers: [{ accepted: 2 }],
  },
  { method: 'app.v1.TrackingService/ReportPositions', says: 'a customer may not', as: 'alice', request: [{}], answers: [], foreignCode: 7 },
  {
    method: 'app.v1.TrackingService/Talk',
    says: 'words and answers',
    as: 'alice',
    request: [
      { orderId: '1003', text: 'Where are you?' },
      { orderId: '1003', text: 'Fine.' },
    ],
    answers: [
      { from: '*', text: 'On my way!', at: '*' },
      { from: '*', text: 'Understood.', at: '*' },
    ],
  },
];
