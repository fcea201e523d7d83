// JavaScript, because Yoga's types bring those of browsers into the whole project.
// The same screen by GraphQL Yoga on HTTP/2: the token checked (and remembered), answers kept by its response cache per user.
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { useResponseCache } from '@graphql-yoga/plugin-response-cache';
import { createSchema, createYoga } from 'graphql-yoga';
import { given, ready } from './common.ts';
import { userOf } from './user-of.ts';

const home = JSON.parse(given.json());
const schema = createSchema({
  typeDefs: readFileSync(new URL('./home.graphql', import.meta.url), 'utf8'),
  resolvers: { Query: { home: () => home } },
});
const users = new WeakMap();
const yoga = createYoga({
  schema,
  graphiql: false,
  landingPage: false,
  logging: false,
  plugins: [
    {
      onRequest: async ({ request, fetchAPI, endResponse }) => {
        const user = await userOf(request.headers.get('authorization'));
        if (user === undefined) endResponse(new fetchAPI.Response(null, { status: 401 }));
        else users.set(request, user);
      },
    },
    useResponseCache({ session: (request) => users.get(request) ?? null, ttl: 3_600_000 }),
  ],
});
const server = createSecureServer({ key: given.key(), cert: given.cert() }, (request, response) => void yoga(request, response));
server.listen(0, '127.0.0.1', () => ready({ port: server.address().port }));
