-- Take the lease that Postgres granted: from now on this server hands out the scope's slots, until it lapses.
-- Between the question and this many things may have happened. Another process was quicker: what it began must not be
-- begun again, its slots would be forgotten. Or the state that was there is lost: then the grant is for what is gone.
-- KEYS: 1 the lease, 2 a hold on everything, 3 and on: the state of the slots
-- ARGV: 1 this server's time when Postgres was asked, 2 how long the lease lasts from then (microseconds), 3 quiet
-- time first (milliseconds), 4 is 1 when the state was kept
-- Answer: 1 taken, 0 left as it is
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local holder, till = string.match(redis.call('GET', KEYS[1]) or '', '(%w+) (%d+)')
local same = holder == server
local left = same and tonumber(till) - now or -1
if ARGV[4] == '1' and not same then
    return 0
end
if ARGV[4] ~= '1' then
    if left > 0 and left <= tonumber(ARGV[2]) then
        return 0
    end
    for i = 3, #KEYS do
        redis.call('DEL', KEYS[i])
    end
end
local quiet = tonumber(ARGV[3])
if quiet > 0 and redis.call('PTTL', KEYS[2]) < quiet then
    redis.call('SET', KEYS[2], '1', 'PX', quiet)
end
redis.call('SET', KEYS[1], string.format('%s %.0f', server, tonumber(ARGV[1]) + tonumber(ARGV[2])), 'PX', 3600000)
return 1
