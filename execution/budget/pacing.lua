-- One slot of the second, shared by all workers.
-- A steady rate below the limit plus a burst (GCRA): no window of one second sees more than rate + burst calls.
-- KEYS, ARGV and answer: as of gate.lua, then
-- KEYS: 3 when the steady stream is used up to, 4 the limit that the platform last told
-- ARGV: 2 calls per second to assume without key 4, 3 share that stays unused, 4 longest wait to book, 5 longest wait
-- that anybody books (both microseconds)

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
