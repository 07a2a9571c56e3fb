-- Classes of money: what each kind of record is, and what each class adds to. Of directives/daily_financial_roll.md; a test
-- holds them equal, and declare_money carries an edit of that page into the rows (docs/decisions/037).

-- What a class adds to, and whether that is a part of the profit. `waits`: how long after its end a day stays open for it,
-- where it counts what is not known; null: until it is.
create table private.money_classes (
    class text primary key,
    figure text not null,
    -- 'profit', 'beside', or 'counted': no money, only how many.
    part text not null check (part in ('profit', 'beside', 'counted')),
    waits interval
);
insert into private.money_classes (class, figure, part, waits) values
    ('gross_sales', 'gross_sales', 'profit', null),
    ('discount', 'discounts', 'profit', null),
    ('reversal_goods', 'reversals', 'profit', null),
    ('reversal_adjustment', 'reversals', 'profit', null),
    ('shipping', 'shipping', 'profit', null),
    ('reversal_shipping', 'shipping', 'profit', null),
    ('other_income', 'other_income', 'profit', null),
    ('reversal_other', 'other_income', 'profit', null),
    ('fee_selling', 'fees', 'profit', null),
    ('fee_payment', 'fees', 'profit', null),
    ('fee_listing', 'fees', 'profit', null),
    ('fee_regulatory', 'fees', 'profit', null),
    ('fee_other', 'fees', 'profit', null),
    ('tax_on_fees', 'fees', 'profit', null),
    ('subscription', 'fees', 'profit', null),
    ('credit', 'fees', 'profit', null),
    ('ads', 'ads', 'profit', null),
    ('label', 'labels', 'profit', null),
    ('dispute', 'disputes', 'profit', null),
    ('dispute_fee', 'disputes', 'profit', null),
    ('cogs_goods', 'cost_of_goods', 'profit', null),
    ('cogs_shipping', 'cost_of_goods', 'profit', null),
    ('cogs_tax', 'cost_of_goods', 'profit', null),
    ('tip', 'tips', 'beside', null),
    ('gift_card', 'gift_cards', 'beside', null),
    ('duty', 'duties', 'beside', null),
    ('tax_platform', 'taxes_platform', 'beside', null),
    ('reversal_tax_platform', 'taxes_platform', 'beside', null),
    ('tax_passed', 'taxes_platform', 'beside', null),
    ('tax_seller', 'taxes_seller', 'beside', null),
    ('reversal_tax_seller', 'taxes_seller', 'beside', null),
    ('tax_unknown', 'taxes_unknown', 'beside', null),
    ('reversal_tax_unknown', 'taxes_unknown', 'beside', null),
    ('cogs_tax_reclaimed', 'reclaimed_tax', 'beside', null),
    ('payment', 'payments', 'beside', null),
    ('refund_paid', 'refunds_paid', 'beside', null),
    ('transfer', 'transfers', 'beside', null),
    ('order', 'orders', 'counted', null),
    ('uncosted', 'uncosted', 'counted', '30 days'),
    ('fees_unknown', 'fees_unknown', 'counted', '3 days'),
    ('disputes_unknown', 'disputes_unknown', 'counted', null);
-- The class of a platform's records by their kind, as the platform calls it. `source`: which records.
create table private.money_kinds (
    platform text not null,
    source text not null,
    kind text not null,
    class text not null,
    primary key (platform, source, kind)
);
-- The entities that the figures of a platform's day stand on.
create table private.money_streams (
    platform text not null,
    entity text not null,
    primary key (platform, entity)
);

-- class_of: of one kind; what nobody has named is unclassified. A refund of a known kind takes its class.
create or replace function private.class_of(p_platform text, p_source text, p_kind text) returns text
language sql stable as $$
    select coalesce(
        (select k.class from private.money_kinds as k where k.platform = p_platform and k.source = p_source and k.kind = p_kind),
        (select k.class from private.money_kinds as k where k.platform = p_platform and k.source = p_source
            and p_kind like '%\_refund' and k.kind = left(p_kind, -7)),
        'unclassified');
$$;
