-- Before every slot, be it of the second or out of a bucket: goes in front of pacing.lua and bucket.lua.
-- Time is Valkey's, never a worker's.
-- KEYS: 1 the lease (see lease.lua), 2 a hold on everything
-- ARGV: 1 how long a lease lasts (microseconds)
-- Answer: {1, wait} booked, go after `wait` microseconds; {0, wait} nothing booked, come back after about `wait`;
-- {-1, now, kept} no lease: Postgres must grant one, and `kept` says whether the state is still here.
-- The third value of a booked slot is 1 when the lease should be renewed soon.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local server, till = string.match(redis.call('GET', KEYS[1]) or '', '(%w+) (%d+)')
-- Another server, or this one started anew, has other memories than those that the lease was granted for.
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
