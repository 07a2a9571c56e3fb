-- Take the lease that Postgres granted: from now on this server hands out the scope's slots, until it lapses.
-- KEYS: 1 the lease, 2 a hold on everything, 3 and on: the state of the slots
-- ARGV: 1 this server's time when Postgres was asked, 2 how long the lease lasts from then (microseconds), 3 quiet
-- time first (milliseconds), 4 is 1 when the state was kept
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if ARGV[4] ~= '1' then
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
