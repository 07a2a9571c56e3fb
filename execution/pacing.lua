-- One slot of the second, shared by all workers. Time is Valkey's, never a worker's.
-- A steady rate below the limit plus a burst (GCRA): no window of one second sees more than rate + burst calls.
-- KEYS: 1 when the steady stream is used up to, 2 the limit that the platform last told, 3 a hold on everything
-- ARGV: 1 calls per second to assume without 2, 2 share that stays unused, 3 longest wait to book (microseconds)
-- Answer: {1, wait} booked, go after `wait` microseconds; {0, wait} nothing booked, come back after about `wait`.
local hold = redis.call('PTTL', KEYS[3])
if hold > 0 then
    return {0, hold * 1000}
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local limit = tonumber(redis.call('GET', KEYS[2]) or ARGV[1])
local longest = tonumber(ARGV[3])
local rate = limit * (1 - tonumber(ARGV[2]))
local interval = 1000000 / rate
-- Half of the rest: the other half absorbs jitter between here and the platform.
local burst = math.max(1, math.floor((limit - rate) / 2))

local used = tonumber(redis.call('GET', KEYS[1]) or '')
-- Unknown (state was lost) or impossible (the clock went back): go on without credit.
if not used or used > now + longest + (burst + 1) * interval + 1000000 then
    used = now + burst * interval
end

local after = math.max(used, now) + interval
local wait = math.max(0, math.ceil(after - burst * interval - now))
if wait > longest then
    return {0, wait}
end
redis.call('SET', KEYS[1], string.format('%.0f', math.ceil(after)), 'PX', 3600000)
return {1, wait}
