import { changesKept, countEveryMs, leavesMax, relistFrom, stateMs } from '../../ports/presence-limits.ts';
import { redisScript } from './connection/redis-script.ts';
import { appending, topicCommon } from './topic-scripts.ts';

/**
 * The users of all replicas on one topic, and the log of their changes, all in one slot:
 *
 * - members: a sorted set of "replica user" by the time until which the user counts there.
 * - users: a hash, at how many replicas each user is.
 * - state: a hash. `e` the epoch of the log, `m` and `u` the sizes of the two above: when one of them differs a part
 * was lost, and everything begins anew. `l` whether users are listed, `x` listMax, `c` and `t` the last number that was
 * announced and when.
 *
 * KEYS: those of the log of changes (topic-scripts.ts), members, users, state. ARGV: a new epoch, channel, replica,
 * leaveAfterMs, listMax or "", memberMs, how many users are present, those, then those who leave. Replies epoch, offset
 * and id of the end of the log, the number of users, milliseconds until there is something to do or "", "1" if users
 * are listed, then, if nothing was to be applied, the users.
 */
export const presenceScript = redisScript(`#!lua${topicCommon}${appending}
local members, users, state = KEYS[5], KEYS[6], KEYS[7]
load()
local known = redis.call('HMGET', state, 'e', 'm', 'u', 'l', 'x', 'c', 't')
local whole = known[1] and known[1] == epoch and tonumber(known[2]) == redis.call('ZCARD', members) and tonumber(known[3]) == redis.call('HLEN', users)
local changed = false
if not whole then
  redis.call('DEL', members, users, state)
  if not epoch or top > 0 then begin(ARGV[1]) changed = true end
  known = {epoch, 0, 0, '1', false, '0', '0'}
end
local listMax = tonumber(ARGV[5]) or tonumber(known[5] or 0)
local announced, announcedAtMs = tonumber(known[6]), tonumber(known[7])

local changes = {}
local function userOf(member) return string.sub(member, string.find(member, ' ', 1, true) + 1) end
local present = tonumber(ARGV[7])
for i = 8, 7 + present do
  local isNew = redis.call('ZADD', members, nowMs + tonumber(ARGV[6]), ARGV[3] .. ' ' .. ARGV[i]) == 1
  if isNew and redis.call('HINCRBY', users, ARGV[i], 1) == 1 then changes[#changes + 1] = {'join', ARGV[i]} end
end
for i = 8 + present, #ARGV do redis.call('ZADD', members, 'XX', nowMs + tonumber(ARGV[4]), ARGV[3] .. ' ' .. ARGV[i]) end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', members, '-inf', nowMs, 'LIMIT', 0, ${leavesMax})) do
  redis.call('ZREM', members, member)
  local user = userOf(member)
  if redis.call('HINCRBY', users, user, -1) <= 0 then
    redis.call('HDEL', users, user)
    changes[#changes + 1] = {'leave', user}
  end
end

local count = redis.call('HLEN', users)
local before = known[4] == '1'
local listed = count <= (before and listMax or math.floor(listMax * ${relistFrom}))
local events = 0
local function change(kind, key, subject)
  events = events + 1
  local payload = '["' .. kind .. '",' .. text(count) .. (subject and ',' .. subject or '') .. ']'
  add(ARGV[1] .. text(events), key, payload)
  announce(ARGV[2], key, payload)
end
local dueMs = math.huge
local function counted()
  change('count', before and 'list' or 'count')
  announced, announcedAtMs = count, nowMs
end
if listed and before then
  for _, one in ipairs(changes) do change(one[1], 'u:' .. one[2], cjson.encode(one[2])) end
elseif listed then
  local all = redis.call('HKEYS', users)
  change('users', 'list', #all == 0 and '[]' or cjson.encode(all))
elseif before then counted()
elseif announced ~= count then
  dueMs = announcedAtMs + ${countEveryMs} - nowMs
  if dueMs <= 0 then dueMs = math.huge counted() end
end
if changed or events > 0 then save(${changesKept.size}, ${changesKept.ageMs}) end
local first = redis.call('ZRANGE', members, 0, 0, 'WITHSCORES')
if first[2] then dueMs = math.min(dueMs, tonumber(first[2]) - nowMs) end
redis.call('HSET', state, 'e', epoch, 'm', redis.call('ZCARD', members), 'u', count, 'l', listed and '1' or '0', 'x', listMax, 'c', announced, 't', text(announcedAtMs))
for _, key in ipairs({log, members, users, state}) do redis.call('PEXPIRE', key, ${stateMs}) end
local reply = {epoch, text(top), topId, text(count), dueMs == math.huge and '' or text(math.max(1, dueMs)), listed and '1' or '0'}
if listed and #ARGV == 7 then for _, user in ipairs(redis.call('HKEYS', users)) do reply[#reply + 1] = user end end
return reply`);
