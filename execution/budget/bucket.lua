-- What a call costs, out of a bucket that time refills: GraphQL points, or calls of a leaky bucket.
-- KEYS: 1 the lease (see pacing.lua), 2 a hold on everything, 3 the bucket, 4 costs that no answer has settled yet
-- ARGV: 1 how long a lease lasts (microseconds), 2 the bucket's size, 3 what a second restores (both unless an answer
-- told better), 4 the cost, 5 share of the bucket that stays in it, 6 longest wait to book (microseconds), 7 the call's id
-- Answer: as of pacing.lua
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local server, till = string.match(redis.call('GET', KEYS[1]) or '', '(%w+) (%d+)')
local same = server and string.find(redis.call('INFO', 'server'), 'run_id:' .. server, 1, true)
local left = same and tonumber(till) - now or -1
if left <= 0 or left > tonumber(ARGV[1]) then
    return {-1, now, same and 1 or 0}
end
local renew = left < tonumber(ARGV[1]) * 0.4 and 1 or 0

local hold = redis.call('PTTL', KEYS[2])
if hold > 0 then
    return {0, hold * 1000, renew}
end

local bucket = redis.call('HMGET', KEYS[3], 'level', 'at', 'maximum', 'restore')
local maximum, restore = tonumber(bucket[3] or ARGV[2]), tonumber(bucket[4] or ARGV[3])
local cost = tonumber(ARGV[4])
local keep = math.min(maximum * tonumber(ARGV[5]), math.max(0, maximum - cost))
-- A bucket that nobody knows has what must stay in it and no more; from now on it fills, and the first answer tells.
local level = keep
if bucket[1] then
    level = math.min(maximum, tonumber(bucket[1]) + restore * math.max(0, now - tonumber(bucket[2])) / 1000000)
else
    redis.call('HSET', KEYS[3], 'level', tostring(level), 'at', string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[3], 3600000)
end
local wait = math.max(0, math.ceil((cost + keep - level) / restore * 1000000))
if wait > tonumber(ARGV[6]) then
    return {0, wait, renew}
end
redis.call('HSET', KEYS[3], 'level', tostring(level - cost), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[3], 3600000)
-- An answer that never comes stops counting after a minute: no call takes longer.
redis.call('ZADD', KEYS[4], now + 60000000, ARGV[7] .. ' ' .. ARGV[4])
redis.call('PEXPIRE', KEYS[4], 3600000)
return {1, wait, renew}
