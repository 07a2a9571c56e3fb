-- Promises that do not fit are broken less: what the least price of a call leaves over of the day goes to them (031). A thousand shops left a
-- fifth of the day unused, and waited 15 times as long as promised in place of seven.

-- set_round_prices: every five minutes: demand falls as the square root of the price. Where the promises alone are more than
-- the day, all wait the same number of times longer. The more there are, the smaller is their part of the day, down to a third: the rest
-- goes where it saves most. Where the least price leaves calls over, they go to the promises.
create or replace function private.set_round_prices() returns void
language plpgsql set search_path = '' as $$
declare place private.round_prices; supply double precision; asked record; over double precision; wanted double precision;
        lowest constant double precision := private.least_price();
begin
    for place in select * from private.round_prices where priced_at <= clock_timestamp() - interval '5 minutes'
                 for update skip locked loop
        supply := private.calls_for_rounds(place);
        select coalesce(sum(t.calls * 86400 / extract(epoch from t.lasts)), 0)::double precision as now,
               coalesce(sum(t.calls * 86400 / extract(epoch from t.promised)), 0)::double precision as promised
          into asked from private.round_terms() as t where t.platform = place.platform and t.is_connected;
        over := greatest(1, asked.promised / supply);
        wanted := place.price * least(4, greatest(0.25, (asked.now / supply) ^ 2));
        update private.round_prices
           set price = greatest(lowest, least(lowest * 1e6, wanted)),
               stretch = greatest(over, least(over * least(3, over), stretch * least(1.1, greatest(0.9, wanted / lowest)))),
               priced_at = clock_timestamp()
         where platform = place.platform;
    end loop;
end $$;
