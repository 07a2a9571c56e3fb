-- Time zones: in which zone a shop's days begin, by whom it was said, and since when. A day is never one of UTC by chance: where
-- nobody has said a zone there is none, and what is taken instead is called a guess.

create table public.shop_time_zones (
    connection_id uuid not null,
    user_id uuid not null,
    valid_from timestamptz not null,
    -- A name of the IANA's.
    zone text not null,
    said_by text not null check (said_by in ('platform', 'seller', 'guess')),
    said_at timestamptz not null default clock_timestamp(),
    primary key (connection_id, said_by, valid_from)
);
select private.own_rows('shop_time_zones');
comment on table public.shop_time_zones is 'The zones of each shop: who says which, from when on.';
