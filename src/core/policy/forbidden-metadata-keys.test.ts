import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrongAnswerKey, wrongKey } from './forbidden-metadata-keys.ts';

test('what a cache, a browser or a proxy obeys cannot be named in an answer', () => {
  const caches = ['cache-control', 'cdn-cache-control', 'surrogate-control', 'surrogate-key', 'age', 'expires', 'vary', 'etag', 'pragma'];
  const browsers = ['set-cookie', 'set-cookie2', 'access-control-max-age', 'refresh', 'location', 'clear-site-data', 'nel', 'report-to', 'link'];
  const proxies = ['x-accel-redirect', 'x-accel-expires', 'x-sendfile', 'x-envoy-upstream-service-time', 'alt-svc', 'connection', 'grpc-message'];
  for (const key of [...caches, ...browsers, ...proxies]) {
    assert.match(wrongAnswerKey(key) ?? '', /cannot be named here/, key);
    assert.match(wrongAnswerKey(`${key}-bin`) ?? '', /cannot be named here/, key);
  }
  for (const key of ['x-shop', 'x-shop-bin', 'retry-after', 'x-ratelimit-remaining', 'nelson', 'x-accelerate', 'aged'])
    assert.equal(wrongAnswerKey(key), undefined, key);
});

test('credentials, the trace and what belongs to a connection cannot be named for an upstream', () => {
  for (const key of ['authorization', 'cookie', 'traceparent', 'x-forwarded-for', 'te', 'host', 'grpc-timeout', 'portico-x', 'X-Shop', 'a b', ''])
    assert.ok(wrongKey(key) !== undefined, key);
  for (const key of ['x-shop', 'x-shop-bin', 'if-none-match', 'x.y']) assert.equal(wrongKey(key), undefined, key);
});
