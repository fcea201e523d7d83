import { redisScript } from './connection/redis-script.ts';

// A tag's value is "version" until it is first raised, then "version hard settlesAt": numbers of microseconds since 1970 by the server's clock. Lua's numbers hold them exactly.
const common = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end
local function parts(value)
  local version, hard, settles = string.match(value, '^(%d+) ?(%d*) ?(%d*)$')
  version = tonumber(version)
  return version, tonumber(hard) or version, tonumber(settles) or 0, hard ~= ''
end
`;

/** ARGV: keepMs. Gives startedAt, whether one settles, the versions. A microsecond less than now, so that a raise in this very microsecond comes after it. */
export const beginScript = redisScript(`${common}
local reply = {text(now - 1), '0'}
for i, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if value then
    local version, _, settles = parts(value)
    if settles > now then reply[2] = '1' end
    redis.call('PEXPIRE', key, ARGV[1])
    reply[i + 2] = text(version)
  else
    redis.call('SET', key, text(now), 'PX', ARGV[1])
    reply[i + 2] = text(now)
  end
end
return reply`);

/**
 * ARGV: keepMs, startedAt, by how much clocks may differ, whether keys may be evicted. Gives whether none has moved since, whether one settled then, the versions.
 * A tag that was only begun with has not moved. One without a version has not either: its key would outlive what was begun with it, unless keys are evicted.
 */
export const lateScript = redisScript(`${common}
local started = tonumber(ARGV[2])
local evicts = ARGV[4] == '1'
local reply = {'1', '0'}
for i, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if value then
    local version, _, settles, raised = parts(value)
    if version > started - tonumber(ARGV[3]) and (raised or evicts) then reply[1] = '0' end
    if settles > started then reply[2] = '1' end
    redis.call('PEXPIRE', key, ARGV[1])
    reply[i + 2] = text(version)
  else
    if evicts then reply[1] = '0' end
    redis.call('SET', key, text(now), 'PX', ARGV[1])
    reply[i + 2] = text(now)
  end
end
return reply`);

/** ARGV: keepMs, whether softly, microseconds to settle. */
export const raiseScript = redisScript(`${common}
for _, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  local version, hard, settles = now, now, 0
  if value then
    local old, oldHard, oldSettles = parts(value)
    version = math.max(old + 1, now)
    hard = ARGV[2] == '1' and oldHard or version
    settles = oldSettles
  end
  if tonumber(ARGV[3]) > 0 then settles = math.max(settles, version + ARGV[3]) end
  redis.call('SET', key, text(version) .. ' ' .. text(hard) .. ' ' .. text(settles), 'PX', ARGV[1])
end
return 1`);
