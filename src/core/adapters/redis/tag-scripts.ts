import { redisScript } from './connection/redis-script.ts';

/**
 * Versions outlive answers and settling by so much. A Redis that evicts what ends first throws out the bodies before
 * them, and a computation that began while a tag settled finds the version that it began with. Milliseconds.
 */
export const beyondLifeMs = 60_000;
/** Versions are smaller: above it a number has no halves, which those of buckets have (the year 2112). */
export const versionsEnd = 2 ** 52;

/**
 * Scripts on the versions of tags. All numbers are microseconds since 1970 by the server's clock, which Lua holds
 * exactly.
 *
 * - The key of a tag holds "version hard settlesAt". `hard` is the version that the last raise gave that was not soft.
 * What cannot be read counts as not there: another type, anything but decimal digits, and a number so large that adding
 * 1 does not change it.
 * - The last key is a hash without end of life: `f`, the floor, below which no version is; `l`, the last raise of all;
 * and the versions of buckets by number. Its fields are lost together or not at all, so a floor that is there says
 * that no bucket was forgotten.
 *
 * Each begins with a shebang, so that Redis refuses it where it is no primary (7.0, "Eval flags": what does not say
 * no-writes is a write). `allow-oom`: none may fail for lack of memory.
 */
const common = `#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local base = KEYS[#KEYS]
local count = #KEYS - 1
local function text(number) return string.format('%.0f', number) end
local function read(digits)
  local number = tonumber(digits)
  if number and number < ${versionsEnd} then return number end
end
local function own(key)
  local value = redis.pcall('GET', key)
  local version, hard, settles = string.match(type(value) == 'string' and value or '', '^(%d+) (%d+) (%d+)$')
  version, hard, settles = read(version), read(hard), read(settles)
  if version and hard and settles then return version, hard, settles end
end
local function field(name)
  local value = redis.call('HGET', base, name)
  return value and read(string.match(value, '^%d+$')), value
end
local floor = field('f')
local function bucket(name)
  local number, value = field(name)
  return math.max(floor, number or value and now or 0)
end
`;

/**
 * KEYS: tags, hash. Gives the tags' values, the floor, and the replication id (INFO). Only a primary runs it: a replica
 * may be behind an invalidation that has returned. A server that was a replica for a while, between two reads, has
 * another id: it may lack what was invalidated before.
 */
export const readScript = redisScript(`#!lua flags=allow-oom
local values = {}
if #KEYS > 1 then values = redis.call('MGET', unpack(KEYS, 1, #KEYS - 1)) end
values[#KEYS] = redis.call('HGET', KEYS[#KEYS], 'f')
values[#KEYS + 1] = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
return values`);

/**
 * KEYS: tags, hash. ARGV: the bucket of each tag. Gives startedAt, whether one settles, the versions of all buckets,
 * which every raise changes, then for each tag its own version ("7") or its bucket's ("7.5"). A microsecond less than
 * now, so that a raise in this very microsecond comes after it.
 */
export const beginScript = redisScript(`${common}
if not floor then
  floor = now - 1
  redis.call('HSET', base, 'f', text(floor))
end
local reply, buckets = {text(now - 1), '0', ''}, {}
for i = 1, count do
  local version, _, settles = own(KEYS[i])
  if version and settles > now then reply[2] = '1' end
  buckets[i] = text(bucket(ARGV[i]))
  reply[i + 3] = version and text(math.max(version, floor)) or (buckets[i] .. '.5')
end
reply[3] = table.concat(buckets, ',')
return reply`);

/**
 * KEYS: tags, hash. ARGV: startedAt, by how much clocks may differ, milliseconds that the answer lives (0: it is not
 * stored), then for each tag its bucket and the version that it was begun with, "" for a late one. Gives nothing when
 * one was raised since, or whether one settled then and the versions.
 */
export const keepScript = redisScript(`${common}
if not floor then
  redis.call('HSET', base, 'f', text(now))
  return false
end
local started, lifeMs = tonumber(ARGV[1]), tonumber(ARGV[3])
local before = started - tonumber(ARGV[2])
local reply = {'0'}
for i = 1, count do
  local number, begun = ARGV[2 + 2 * i], ARGV[3 + 2 * i]
  local version, _, settles = own(KEYS[i])
  local ofBucket = bucket(number)
  local unraised
  if begun == '' then unraised = ofBucket <= before or (version and math.max(version, floor) <= before)
  elseif string.sub(begun, -2) == '.5' then unraised = text(ofBucket) .. '.5' == begun
  else unraised = version and text(math.max(version, floor)) == begun end
  if not unraised then return false end
  if version and settles > started then reply[1] = '1' end
  reply[i + 1] = version and text(math.max(version, floor)) or (text(ofBucket) .. '.5')
end
if lifeMs == 0 then return reply end
for i = 1, count do
  if string.sub(reply[i + 1], -2) == '.5' then
    local version = math.max(now, bucket(ARGV[2 + 2 * i]) + 1)
    redis.call('SET', KEYS[i], text(version) .. ' ' .. text(version) .. ' 0', 'PX', lifeMs)
    reply[i + 1] = text(version)
  else redis.call('PEXPIRE', KEYS[i], lifeMs, 'GT') end
end
return reply`);

/**
 * KEYS: tags, hash. ARGV: whether softly, microseconds to settle, then the bucket of each tag. A tag that nothing is
 * stored with needs no key, unless it settles.
 */
export const raiseScript = redisScript(`${common}
if not floor then floor = now - 1; redis.call('HSET', base, 'f', text(floor)) end
local settleUs = tonumber(ARGV[2])
local last = field('l') or 0
for i = 1, count do
  local old, oldHard, oldSettles = own(KEYS[i])
  local version = math.max(now, bucket(ARGV[2 + i]) + 1, (old or 0) + 1)
  last = math.max(last, version)
  redis.call('HSET', base, ARGV[2 + i], text(version))
  if old or settleUs > 0 then
    local hard = ARGV[1] == '1' and oldHard or version
    local settles = math.max(oldSettles or 0, settleUs > 0 and version + settleUs or 0)
    local value = text(version) .. ' ' .. text(hard) .. ' ' .. text(settles)
    local lifeMs = math.ceil((settles - now) / 1000) + ${beyondLifeMs}
    if old then redis.call('SET', KEYS[i], value, 'KEEPTTL') else redis.call('SET', KEYS[i], value, 'PX', lifeMs) end
    if settleUs > 0 then redis.call('PEXPIRE', KEYS[i], lifeMs, 'GT') end
  else redis.call('DEL', KEYS[i]) end -- what is there and cannot be read might read as it was before
end
redis.call('HSET', base, 'l', text(last))
return 1`);

/**
 * KEYS: tags, hash. ARGV: the bucket of each tag. Raises them, and keeps no key of them, except of those that settle:
 * these for that time.
 */
export const forgetScript = redisScript(`${common}
if not floor then floor = now - 1; redis.call('HSET', base, 'f', text(floor)) end
local last = field('l') or 0
for i = 1, count do
  local old, _, settles = own(KEYS[i])
  local version = math.max(now, bucket(ARGV[i]) + 1, (old or 0) + 1)
  last = math.max(last, version)
  redis.call('HSET', base, ARGV[i], text(version))
  if old and settles > now then
    redis.call('SET', KEYS[i], text(version) .. ' ' .. text(version) .. ' ' .. text(settles), 'PX', math.ceil((settles - now) / 1000) + ${beyondLifeMs})
  else redis.call('DEL', KEYS[i]) end
end
redis.call('HSET', base, 'l', text(last))
return 1`);

/** KEYS: hash. Lifts the floor above every version that there is. */
export const raiseAllScript = redisScript(`${common}
local version = math.max(now, (floor or 0) + 1, (field('l') or 0) + 1)
redis.call('HSET', base, 'f', text(version), 'l', text(version))
return 1`);

/** KEYS: hash. Gives the last raise of all, or nothing when that is not known. */
export const lastRaiseScript = redisScript(`#!lua flags=allow-oom
local floor = redis.call('HGET', KEYS[1], 'f')
return floor and (redis.call('HGET', KEYS[1], 'l') or floor)`);
