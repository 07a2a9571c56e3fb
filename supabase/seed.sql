-- Nothing to plant: reference data (currencies, conversions) comes with the migrations, because production needs it
-- too, and demo shops come from `keeper demo`.  `supabase db reset` looks for this file.
select 1;
