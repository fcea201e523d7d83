import { messageBytesMax } from '../../ports/bus-limits.ts';
import { epochMs, newEpochMs, repeatMs, replacedMax } from '../../ports/topic-log-limits.ts';
import { announcementFormat } from '../topics/event-announcement.ts';
import { redisScript } from './connection/redis-script.ts';

/**
 * Scripts on the log of one topic. All of its keys are in one slot:
 *
 * - log: a hash. `e` epoch; `o` offset and `i` id of the last event; `f` and `g` the same of the floor, the newest
 * event that is no longer kept though no newer one of its key replaced it; `a` for how many milliseconds events are
 * kept.
 * - events: a stream. The id of an entry is "offset-0"; its fields are the event's id, time, key and payload.
 * - keys: a hash, the offset of the newest event of each key.
 * - ids: a list of the ids of the last events, without a hole, from the first event with a key on: of those that were
 * replaced nothing else is left.
 *
 * `log` outlives the others. If it was evicted before them, they are deleted when the next epoch begins; if they were
 * evicted before it, the floor is at its end. Each script begins with a shebang, so that Redis refuses it where it is
 * no primary. Numbers are below 2^53, which Lua holds exactly.
 */
export const topicCommon = `
local log, events, keys, ids = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function text(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch, top, topId, floor, floorId, ageMs
local function load()
  local found = redis.call('HMGET', log, 'e', 'o', 'i', 'f', 'g', 'a')
  epoch, top, topId, floor, floorId, ageMs = found[1], tonumber(found[2] or 0), found[3], tonumber(found[4] or 0), found[5], tonumber(found[6] or math.huge)
  if epoch and top > floor and redis.call('EXISTS', events) == 0 then floor, floorId = top, topId end
end
local function begin(new)
  redis.call('DEL', log, events, keys, ids)
  epoch, top, topId, floor, floorId, ageMs = new, 0, '', 0, '', math.huge
end
local function live() redis.call('PEXPIRE', log, top == 0 and ${newEpochMs} or ${epochMs}) end
`;

/** Adds an event, and announces it. */
export const appending = `
local previousId
local function trim(size, keptMs)
  local length = redis.call('XLEN', events)
  local trimmed = false
  while length > 0 do
    local oldest = redis.call('XRANGE', events, text(floor + 1) .. '-0', '+', 'COUNT', math.max(1, math.min(16, length - size)))
    for _, entry in ipairs(oldest) do
      if length <= size and tonumber(entry[2][4]) + keptMs > nowMs then oldest = {} break end
      floor, floorId, length, trimmed = tonumber(string.match(entry[1], '%d+')), entry[2][2], length - 1, true
      if entry[2][6] ~= '' then redis.call('HDEL', keys, entry[2][6]) end
    end
    if #oldest == 0 then break end
  end
  if trimmed then redis.call('XTRIM', events, 'MINID', '=', text(floor + 1) .. '-0') end
end
local function add(id, key, payload)
  if key ~= '' then
    local replaced = redis.call('HGET', keys, key)
    if replaced then redis.call('XDEL', events, replaced .. '-0') end
    redis.call('HSET', keys, key, text(top + 1))
  end
  local entry = {'XADD', events, text(top + 1) .. '-0', 'i', id, 't', text(nowMs), 'k', key, 'p', payload}
  if type(redis.pcall(unpack(entry))) == 'table' then
    redis.call('DEL', events)
    floor, floorId = top, topId
    redis.call(unpack(entry))
  end
  top, topId, previousId = top + 1, id, topId
  if redis.call(key == '' and 'RPUSHX' or 'RPUSH', ids, id) > ${replacedMax} then redis.call('LTRIM', ids, -${replacedMax}, -1) end
end
local function announce(channel, key, payload, origin)
  local header = table.concat({'${announcementFormat}', epoch, text(top), topId, text(nowMs), text(#key), previousId, origin}, ' ') .. '\\n'
  local whole = #header + #key + #payload <= ${messageBytesMax}
  redis.call('SPUBLISH', channel, whole and header .. key .. payload or '0')
end
local function save(size, age)
  trim(size, math.min(ageMs, age))
  redis.call('HSET', log, 'e', epoch, 'o', text(top), 'i', topId, 'f', text(floor), 'g', floorId, 'a', text(age))
  live()
  for i = 2, 4 do redis.call('PEXPIRE', KEYS[i], age) end
end
`;

/**
 * KEYS: log, events, keys, ids, and one for each request id. ARGV: a new epoch, channel, size, age, the origin or "",
 * then for each event its id, key, payload, and the number of its request's key or 0. Replies for each event "epoch
 * offset id", and whether it is a repeat. Not allow-oom: a full store refuses it before it begins.
 */
export const publishScript = redisScript(`#!lua${topicCommon}${appending}
load()
local reply = {}
local appended = false
local origin = ARGV[5] ~= '' and ARGV[5] or nil
for i = 6, #ARGV, 4 do
  local request = ARGV[i + 3] ~= '0' and KEYS[tonumber(ARGV[i + 3])]
  local known = request and redis.call('GET', request)
  if known then reply[#reply + 1], reply[#reply + 2] = known, 1
  else
    if not epoch then begin(ARGV[1]) end
    add(ARGV[i], ARGV[i + 1], ARGV[i + 2])
    announce(ARGV[2], ARGV[i + 1], ARGV[i + 2], origin)
    local position = epoch .. ' ' .. text(top) .. ' ' .. topId
    if request then redis.call('SET', request, position, 'PX', ${repeatMs}) end
    appended = true
    reply[#reply + 1], reply[#reply + 2] = position, 0
  end
end
if appended then save(tonumber(ARGV[3]), tonumber(ARGV[4])) end
return reply`);

/** KEYS: log, events, keys, ids. Replies epoch, offset and id of the last event, or nothing. */
export const topScript = redisScript(`#!lua flags=allow-oom${topicCommon}
load()
if not epoch then return {} end
live()
return {epoch, text(top), topId}`);

/** KEYS: log, events, keys, ids. ARGV: a new epoch. As above; begins an epoch where there is none. */
export const beginScript = redisScript(`#!lua${topicCommon}
load()
if not epoch then
  begin(ARGV[1])
  redis.call('HSET', log, 'e', epoch, 'o', '0', 'i', '', 'f', '0', 'g', '')
end
live()
return {epoch, text(top), topId}`);

/**
 * KEYS: log, events, keys, ids. ARGV: epoch, offset and id of a position; most events and bytes. Replies nothing where
 * there is no epoch; otherwise epoch, offset and id of the last event, why the position is not of this log or "", then
 * for each event of the page its offset, id, time, key and payload.
 */
export const readScript = redisScript(`#!lua flags=allow-oom${topicCommon}
load()
if not epoch then return {} end
live()
local asked = tonumber(ARGV[2])
local reply = {epoch, text(top), topId, ''}
local function lost(why) return {epoch, text(top), topId, why} end
if ARGV[1] ~= epoch then return lost('epoch') end
if asked > top then return lost('ahead') end
if asked < floor then return lost('trimmed') end
local id
if asked == top then id = topId
elseif asked == floor then id = floorId
else
  local own = redis.call('XRANGE', events, ARGV[2] .. '-0', ARGV[2] .. '-0')
  id = own[1] and own[1][2][2] or redis.call('LINDEX', ids, asked - top - 1)
end
if not id then return lost('trimmed') end
if id ~= ARGV[3] then return lost('other-event') end
local eventsLeft, bytesLeft = tonumber(ARGV[4]), tonumber(ARGV[5])
local from = asked + 1
while eventsLeft > 0 and from <= top do
  local some = redis.call('XRANGE', events, text(from) .. '-0', '+', 'COUNT', math.min(16, eventsLeft))
  if #some == 0 then break end
  for _, entry in ipairs(some) do
    local own = entry[2]
    if #reply == 4 and tonumber(own[4]) + ageMs <= nowMs then return lost('trimmed') end
    bytesLeft = bytesLeft - #own[6] - #own[8]
    if bytesLeft < 0 and #reply > 4 then return reply end
    from = tonumber(string.match(entry[1], '%d+')) + 1
    for _, value in ipairs({text(from - 1), own[2], own[4], own[6], own[8]}) do reply[#reply + 1] = value end
    eventsLeft = eventsLeft - 1
  end
end
return reply`);
