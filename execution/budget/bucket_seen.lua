-- An answer told how full the platform's bucket is: ours is as full, less what is on its way and perhaps not in yet.
-- KEYS: 1 the bucket, 2 costs that no answer has settled yet
-- ARGV: 1 what is available, 2 the size, 3 what a second restores, 4 the call's id (empty: unknown)
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local level = tonumber(ARGV[1])
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local id, cost = string.match(member, '(%S+) (%S+)')
    if id == ARGV[4] then
        redis.call('ZREM', KEYS[2], member)
    else
        level = level - tonumber(cost)
    end
end
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', string.format('%.0f', now),
           'maximum', ARGV[2], 'restore', ARGV[3])
redis.call('PEXPIRE', KEYS[1], 3600000)
return 1
