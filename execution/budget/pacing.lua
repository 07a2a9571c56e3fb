-- One slot of the second, shared by all workers. Time is Valkey's, never a worker's.
-- A steady rate below the limit plus a burst (GCRA): no window of one second sees more than rate + burst calls.
-- KEYS: 1 the lease (see lease.lua), 2 a hold on everything, 3 when the steady stream is used up to, 4 the limit that
-- the platform last told
-- ARGV: 1 how long a lease lasts (microseconds), 2 calls per second to assume without key 4, 3 share that stays unused,
-- 4 longest wait to book, 5 longest wait that anybody books (both microseconds)
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

local used = tonumber(redis.call('GET', KEYS[3]) or '')
local limit = tonumber(redis.call('GET', KEYS[4]) or ARGV[2])
local rate = limit * (1 - tonumber(ARGV[3]))
local interval = 1000000 / rate
-- Half of the rest: the other half absorbs jitter between here and the platform.
local burst = math.max(1, math.floor((limit - rate) / 2))

-- Unknown (a new scope) or impossible (the clock went back): go on without credit.
if not used or used > now + tonumber(ARGV[5]) + (burst + 1) * interval + 1000000 then
    used = now + burst * interval
end

local after = math.max(used, now) + interval
local wait = math.max(0, math.ceil(after - burst * interval - now))
if wait > tonumber(ARGV[4]) then
    return {0, wait, renew}
end
redis.call('SET', KEYS[3], string.format('%.0f', math.ceil(after)), 'PX', 3600000)
return {1, wait, renew}
