-- What a call costs, out of a bucket that time refills: GraphQL points, or calls of a leaky bucket.
-- KEYS, ARGV and answer: as of gate.lua, then
-- KEYS: 3 the bucket, 4 costs that no answer has settled yet
-- ARGV: 2 the bucket's size, 3 what a second restores (both unless an answer told better), 4 the cost, 5 share of the
-- bucket that stays in it, 6 longest wait to book (microseconds), 7 the call's id

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
