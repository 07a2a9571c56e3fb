-- The shops of the simulation, and a worker who works their rounds (benchmarks/fresh_rounds.py).

create schema sim;
create table sim.shops (number int primary key, connection_id uuid unique, user_id uuid, rate double precision, seen timestamptz);
create unlogged table sim.rounds (number int, at timestamptz, waited double precision, found int, calls int);

create function sim.poisson(p_mean double precision) returns int language plpgsql volatile as $$
declare product double precision := random(); floor_ double precision := exp(-least(p_mean, 50)); n int := 0;
begin
    if p_mean > 50 then
        return greatest(0, round(random_normal(p_mean, sqrt(p_mean)))::int);
    end if;
    while product > floor_ loop product := product * random(); n := n + 1; end loop;
    return n;
end $$;

-- What one worker does until nothing is claimable or the day has no call left: claim, permit, a round, the proof.
create function sim.work(p_day bigint) returns int language plpgsql as $$
declare job jsonb; lease uuid; block uuid; granted int := 0; answer jsonb; shop sim.shops; n int; bound timestamptz; done int := 0;
begin
    loop
        lease := gen_random_uuid();
        job := public.claim_job(lease, 'simulated');
        exit when job is null;
        -- A round takes two calls at most: blocks shrink as the day runs out.
        while granted < 2 loop
            block := gen_random_uuid();
            answer := public.reserve_calls(block, 'etsy:app:simulated', 'incremental', 20, 5, p_day, 0.5, 0.1, 0.002);
            exit when (answer ->> 'granted')::int = 0;
            granted := granted + (answer ->> 'granted')::int;
        end loop;
        if granted < 2 then
            perform public.park_job(lease, 'the day is used up', coalesce((answer ->> 'wake_in_seconds')::float8, 60), false, 10, 0,
                                    'day_used_up');
            exit;
        end if;
        select * into shop from sim.shops where connection_id = (job ->> 'connection_id')::uuid;
        bound := clock_timestamp() - interval '1 minute';
        n := sim.poisson(shop.rate * greatest(extract(epoch from bound - shop.seen), 0) / 86400);
        update public.sync_jobs set window_start = shop.seen, window_end = bound where lease_id = lease;
        insert into public.sync_pages (page_id, job_id, seq, connection_id, user_id, platform, entity, stream, part, pass,
            position, keys, created, updated, unchanged, stale, rejected, fetched_at, answer)
        values (lease, (job ->> 'id')::uuid, 1, shop.connection_id, shop.user_id, 'etsy', 'payments', 'x', 0, 1, 0, '{}', n, 0, 0,
                0, 0, bound, '{}');
        perform public.complete_job(lease, '{"distinct_keys": 0, "checks": []}', bound - interval '1 hour', 1 + (n > 0)::int);
        granted := granted - 1 - (n > 0)::int;
        -- Seen a minute after its window has ended.
        insert into sim.rounds values (shop.number, clock_timestamp(),
            extract(epoch from clock_timestamp() - shop.seen), n, 1 + (n > 0)::int);
        update sim.shops set seen = bound where number = shop.number;
        done := done + 1;
    end loop;
    if granted > 0 then
        perform public.return_calls(block, least(granted, (select b.calls from private.call_blocks as b where b.id = block)));
    end if;
    return done;
end $$;

-- A beat of the clock, and the worker's after it. Where nothing is due nothing is asked: most beats of few shops.
create function sim.beat(p_day bigint) returns int language plpgsql as $$
begin
    if not exists (select from private.sync_rounds where due_at <= (select clock_timestamp()))
       and not exists (select from public.sync_jobs where status in ('queued', 'running')
                                                       or status = 'parked' and run_after <= (select clock_timestamp())) then
        return 0;
    end if;
    perform private.rescue_jobs('x'), private.wake_due_jobs(), private.queue_due_rounds();
    return sim.work(p_day);
end $$;

-- What the clock's housekeeping does, and of rounds that found something what nothing here reads again: of months they would
-- be most of what there is.
create function sim.forget() returns void language plpgsql as $$
begin
    perform private.prune(100000);
    delete from public.sync_jobs as j
     where j.finished_at < clock_timestamp() - interval '6 hours'
       and exists (select from public.sync_jobs as n where n.connection_id = j.connection_id and n.finished_at > j.finished_at);
    delete from public.sync_runs as r
     where not exists (select from public.sync_jobs as j where j.run_id = r.id)
       and not exists (select from public.sync_cursors as c where c.run_id = r.id);
    delete from private.row_changes where at < clock_timestamp() - interval '6 hours';
    delete from private.outbox;
end $$;
