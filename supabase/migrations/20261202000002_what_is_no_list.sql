-- What is no list, or no id, costs its part alone; days that no calendar names are none.

-- with_blank: a part with this in the place of a member that could not be read, and its name among those.
create or replace function private.with_blank(p_part jsonb, p_path text[], p_blank jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select jsonb_set(jsonb_set(p_part, p_path, p_blank), '{keeper_unreadable}',
                     coalesce(p_part -> 'keeper_unreadable', '[]') || to_jsonb(array_to_string(p_path, '.')));
$$;

-- without_member: a part without one member: null stands in its place, and its name among those that could not be read.
-- Money loses its amount alone: the currency that stands beside it may be the whole record's.
create or replace function private.without_member(p_part jsonb, p_path text[]) returns jsonb
language sql immutable set search_path = '' as $$
    select case when p_part #> p_path is null or jsonb_typeof(p_part #> p_path) = 'null' then p_part
        else private.with_blank(p_part, p_path, case
                 when jsonb_typeof(p_part #> p_path) = 'object'
                  and p_part #> p_path ?| array['amount', 'currency_code', 'currencyCode']
                 then (p_part #> p_path) || '{"amount": null, "keeper_unreadable": true}' else 'null' end) end;
$$;

-- way_to_list: a record whose list can be looked for: what is no object on the way to it, or no list at its end, is blank, and
-- `reason` says so. Some platforms write an empty list where an object is due.
create or replace function private.way_to_list(p_place text[], inout record jsonb, out reason text)
language plpgsql immutable set search_path = '' as $$
declare found_ text; due text;
begin
    for depth in 1 .. cardinality(p_place) loop
        found_ := jsonb_typeof(record #> p_place[:depth]);
        due := case when depth = cardinality(p_place) then 'array' else 'object' end;
        if found_ not in (due, 'null') then
            reason := format('%s: %s where %s is due', array_to_string(p_place[:depth], '.'), found_,
                             case due when 'array' then 'a list' else 'an object' end);
            record := private.with_blank(record, p_place[:depth], 'null');
            return;
        end if;
    end loop;
end $$;

-- missing_of_child: what a child that is readable lacks to be a row: its key, or an essential column. Null: nothing.
create or replace function private.missing_of_child(p_spec jsonb, p_part jsonb) returns text
language plpgsql set search_path = '' as $$
declare mapped jsonb; found text; key text := p_part #>> string_to_array(p_spec #>> '{key,0}', '.');
begin
    if (p_spec ->> 'unique')::boolean and key is null then
        return format('%s: missing', p_spec #>> '{key,0}');
    end if;
    if (p_spec ->> 'unique')::boolean and (p_spec ->> 'key_is_gid')::boolean and private.gid_tail(key) is null then
        return format('%s: %s is no GraphQL id', p_spec #>> '{key,0}', key);
    end if;
    execute format('select to_jsonb(m) from private.%I($1) as m', p_spec ->> 'map') into mapped using p_part;
    select e.key into found from jsonb_each(mapped) as e
     where e.value = 'null' and private.is_essential(p_spec ->> 'table', e.key, p_part -> 'keeper_unreadable' is not null)
     limit 1;
    return found || ': missing';
end $$;

-- readable_children: a record's children, those that can be rows. One that cannot be read is left out with its reason,
-- unless it is a row already: that would be taken for gone, so the record is `lost`. Children that stand in a list of each
-- element of a list are read an element at a time: each has it as its member `of`.
create or replace function private.readable_children(job public.sync_jobs, p_spec jsonb, inout record jsonb,
                                                     inout reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare outer_at text[] := string_to_array(p_spec ->> 'at', '.'); inner_at text[] := string_to_array(p_spec ->> 'inside', '.');
        kept jsonb := '[]'; element jsonb; way record; one record; said text; number int := 0; wanted int;
begin
    if inner_at is null then
        one := private.readable_list(job, p_spec, record, reasons);
        record := one.record; reasons := one.reasons; lost := one.lost;
        return;
    end if;
    way := private.way_to_list(outer_at, record);
    record := way.record;
    reasons := array_remove(array_append(reasons, way.reason), null);
    if jsonb_typeof(record #> outer_at) is distinct from 'array' then
        return;
    end if;
    for element in select e from jsonb_array_elements(record #> outer_at) as e loop
        if jsonb_typeof(element) <> 'object' then
            reasons := reasons || format('%s.%s: %s where an object is due', p_spec ->> 'at', number, jsonb_typeof(element));
            number := number + 1;
            continue;
        end if;
        if jsonb_typeof(element #> inner_at) = 'array' then
            wanted := jsonb_array_length(element #> inner_at);
            -- As the landing makes them: each with what it stands in.
            element := jsonb_set(element, inner_at, coalesce((
                select jsonb_agg(case when jsonb_typeof(i) = 'object' then i || jsonb_build_object('of', element #- inner_at) else i end
                                 order by n) from jsonb_array_elements(element #> inner_at) with ordinality as l(i, n)), '[]'));
        end if;
        one := private.readable_list(job, p_spec - 'inside' || jsonb_build_object('at', p_spec ->> 'inside'), element, '{}');
        if one.lost is not null then
            lost := format('%s.%s.%s', p_spec ->> 'at', number, one.lost);
            return;
        end if;
        foreach said in array one.reasons loop
            reasons := reasons || format('%s.%s.%s', p_spec ->> 'at', number, said);
        end loop;
        element := one.record;
        if jsonb_typeof(element #> inner_at) = 'array' then
            -- What could not be read of the element itself is blank in it.
            element := jsonb_set(
                coalesce((select i -> 'of' from jsonb_array_elements(element #> inner_at) as i
                          where i -> 'of' <> element #- inner_at limit 1), element #- inner_at),
                -- What is left of a list that is added up is another sum: then nobody knows it.
                inner_at, case when (p_spec ->> 'summed')::boolean and jsonb_array_length(element #> inner_at) < wanted then 'null' else
                    coalesce((select jsonb_agg(i - 'of' order by n)
                              from jsonb_array_elements(element #> inner_at) with ordinality as l(i, n)), '[]') end);
        end if;
        kept := kept || jsonb_build_array(element);
        number := number + 1;
    end loop;
    record := jsonb_set(record, outer_at, kept);
end $$;

-- readable_list: readable_children of one list.
create or replace function private.readable_list(job public.sync_jobs, p_spec jsonb, inout record jsonb,
                                                 inout reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare place text[] := string_to_array(p_spec ->> 'at', '.'); kept jsonb := '[]'; element jsonb; way record; one record; number int := 0;
        key text; stored boolean;
begin
    way := private.way_to_list(place, record);
    record := way.record;
    reasons := array_remove(array_append(reasons, way.reason), null);
    if jsonb_typeof(record #> place) is distinct from 'array' then
        return;
    end if;
    for element in select e from jsonb_array_elements(record #> place) as e loop
        one := private.readable_part(p_spec, element);
        one.lost := coalesce(one.lost, private.missing_of_child(p_spec, one.part));
        if one.lost is null then
            kept := kept || jsonb_build_array(one.part);
        else
            one.reasons := array[one.lost];
            if (p_spec ->> 'unique')::boolean then
                key := element #>> string_to_array(p_spec #>> '{key,0}', '.');
                execute format('select exists (select from public.%I where connection_id = $1 and platform_id = $2 '
                               'and not is_deleted)', p_spec ->> 'table')
                   into stored using job.connection_id, coalesce(private.gid_tail(key), key);
                if stored then
                    lost := format('%s.%s.%s', p_spec ->> 'at', number, one.lost);
                    return;
                end if;
            end if;
        end if;
        reasons := reasons || array(select format('%s.%s.%s', p_spec ->> 'at', number, r) from unnest(one.reasons) as r);
        number := number + 1;
    end loop;
    record := jsonb_set(record, place, kept);
end $$;

-- fold_marks: marks become the days that they are about, with why. An hour may be of two days.
create or replace function private.fold_marks(p_connection_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    with taken as (delete from private.money_marks where connection_id = p_connection_id returning *),
    days as (
        select ((h.hour + e.edge) at time zone z.zone)::date as day, jsonb_build_object('table', t.table_name, 'run_id', t.run_id) as cause
        from taken as t cross join unnest(t.hours) as h (hour)
        cross join (values (interval '0'), (interval '59 minutes 59.999999 seconds')) as e (edge)
        cross join private.zones_of(p_connection_id) as z
        union all
        select d.day::date, jsonb_build_object('because', t.table_name)
        from taken as t
        cross join private.money_dates(p_connection_id) as s (date)
        -- A zone may have it on the day before, or after.
        cross join lateral generate_series(s.date - 1, s.date + 1, interval '1 day') as d (day)
        where t.hours is null
        union all
        select s.day, jsonb_build_object('because', t.table_name)
        from taken as t join public.money_day_states as s on s.connection_id = p_connection_id where t.hours is null)
    insert into private.money_touched as k (connection_id, day, causes)
    -- What lies beyond has no name in a calendar of four digits, which is what programs read.
    select p_connection_id, d.day, jsonb_agg(distinct d.cause) from days as d where d.day between '0001-01-01' and '9999-12-31' group by d.day
    on conflict (connection_id, day) do update
       set causes = (select jsonb_agg(distinct c) from jsonb_array_elements(k.causes || excluded.causes) as c);
end $$;

create or replace function private.parts_etsy_receipts() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_receipts_orders", "table": "orders", "columns": {"order_number": ["receipt_id"], "status": ["status"], "is_paid": ["is_paid"], "is_shipped": ["is_shipped"], "is_gift": ["is_gift"], "buyer_platform_id": ["buyer_user_id"], "country": ["country_iso"], "payment_method": ["payment_method"], "ordered_at": ["created_timestamp"], "item_total_amount": ["total_price"], "discount_amount": ["discount_amt"], "subtotal_amount": ["subtotal"], "shipping_amount": ["total_shipping_cost"], "tax_amount": ["total_tax_cost"], "vat_amount": ["total_vat_cost"], "gift_wrap_amount": ["gift_wrap_price"], "total_amount": ["grandtotal"], "currency": ["grandtotal.currency_code"]}, "updated": ["updated_timestamp", "update_timestamp", "created_timestamp"], "updated_as": "epoch"},
      {"map": "map_etsy_receipts_customers", "table": "customers", "columns": {"name": ["name"], "email": ["buyer_email"], "country": ["country_iso"], "last_order_at": ["created_timestamp"]}},
      {"map": "map_etsy_receipts_line_items", "table": "line_items", "columns": {"listing_platform_id": ["listing_id"], "product_platform_id": ["product_id"], "sku": ["sku"], "title": ["title"], "quantity": ["quantity"], "price_amount": ["price"], "shipping_amount": ["shipping_cost"], "shop_coupon_amount": ["shop_coupon"], "buyer_coupon_amount": ["buyer_coupon"], "is_digital": ["is_digital"], "ordered_at": ["created_timestamp"], "shipped_at": ["shipped_timestamp"], "currency": ["price.currency_code"]}, "at": "transactions", "key": ["transaction_id"], "unique": true, "key_is_gid": false},
      {"map": "map_etsy_receipts_order_refunds", "table": "order_refunds", "columns": {"refund_amount": ["amount"], "reason": ["reason"], "status": ["status"], "refunded_at": ["created_timestamp"], "currency": ["amount.currency_code"]}, "at": "refunds", "key": ["created_timestamp", "amount.amount"], "unique": false, "key_is_gid": false},
      {"map": "map_etsy_receipts_order_fulfillments", "table": "order_fulfillments", "columns": {"carrier": ["carrier_name"], "tracking_code": ["tracking_code"], "shipped_at": ["shipment_notification_timestamp"]}, "at": "shipments", "key": ["receipt_shipping_id"], "unique": false, "key_is_gid": false}]'::jsonb
$$;

create or replace function private.parts_printify_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_printify_orders_printify_orders", "table": "printify_orders", "columns": {"app_order_id": ["app_order_id"], "status": ["status"], "order_type": ["metadata.order_type"], "shop_order_id": ["metadata.shop_order_id"], "shop_order_label": ["metadata.shop_order_label"], "is_reprint": ["metadata.is_reprint"], "reprinted_order_ids": ["metadata.reprinted_order_ids"], "shipping_method": ["shipping_method"], "is_express": ["is_printify_express"], "country": ["address_to.country"], "region": ["address_to.region"], "retail_amount": ["total_price"], "shipping_amount": ["total_shipping"], "tax_amount": ["total_tax"], "ordered_at": ["created_at"], "sent_to_production_at": ["sent_to_production_at"], "fulfilled_at": ["fulfilled_at"]}, "updated": ["created_at"], "updated_as": "iso_time"},
      {"map": "map_printify_orders_printify_line_items", "table": "printify_line_items", "columns": {"status": ["status"], "product_platform_id": ["product_id"], "variant_id": ["variant_id"], "print_provider_id": ["print_provider_id"], "sku": ["metadata.sku"], "title": ["metadata.title"], "variant_title": ["metadata.variant_label"], "quantity": ["quantity"], "cost_amount": ["cost"], "shipping_cost_amount": ["shipping_cost"], "retail_amount": ["metadata.price"], "sent_to_production_at": ["sent_to_production_at"], "fulfilled_at": ["fulfilled_at"]}, "at": "line_items", "key": ["id"], "unique": false, "key_is_gid": false},
      {"map": "map_printify_orders_printify_shipments", "table": "printify_shipments", "columns": {"carrier": ["carrier"], "tracking_code": ["number"], "delivered_at": ["delivered_at"]}, "at": "shipments", "key": ["carrier", "number"], "unique": false, "key_is_gid": false}]'::jsonb
$$;

create or replace function private.parts_printify_products() returns jsonb language sql immutable as $$
    select '[{"map": "map_printify_products_printify_products", "table": "printify_products", "columns": {"title": ["title"], "tags": ["tags"], "blueprint_id": ["blueprint_id"], "print_provider_id": ["print_provider_id"], "is_visible": ["visible"], "is_locked": ["is_locked"], "channel_product_id": ["external.id", "external.0.id"], "channel_url": ["external.handle", "external.0.handle"], "made_at": ["created_at"]}, "updated": ["updated_at", "update_at", "created_at"], "updated_as": "iso_time"},
      {"map": "map_printify_products_printify_variants", "table": "printify_variants", "columns": {"variant_id": ["id"], "sku": ["sku"], "title": ["title"], "cost_amount": ["cost"], "price_amount": ["price"], "weight_grams": ["grams"], "is_enabled": ["is_enabled"], "is_default": ["is_default"], "is_available": ["is_available"]}, "at": "variants", "key": ["id"], "unique": false, "key_is_gid": false}]'::jsonb
$$;

create or replace function private.parts_shopify_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["displayFinancialStatus"], "fulfillment_status": ["displayFulfillmentStatus"], "is_paid": ["fullyPaid"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["paymentGatewayNames"], "ordered_at": ["processedAt"], "cancelled_at": ["cancelledAt"], "discount_amount": ["totalDiscountsSet.shopMoney"], "subtotal_amount": ["subtotalPriceSet.shopMoney"], "shipping_amount": ["totalShippingPriceSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "tip_amount": ["totalTipReceivedSet.shopMoney"], "total_amount": ["totalPriceSet.shopMoney"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "refunded_amount": ["totalRefundedSet.shopMoney"], "presentment_currency": ["totalPriceSet.presentmentMoney.currencyCode"], "presentment_total_amount": ["totalPriceSet.presentmentMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product.id"], "product_platform_id": ["variant.id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["currentQuantity"], "price_amount": ["originalUnitPriceSet.shopMoney"], "discount_amount": ["discountAllocations"], "currency": ["originalUnitPriceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["id"], "unique": true, "key_is_gid": true},
      {"map": "map_shopify_orders_order_shipping_lines", "table": "order_shipping_lines", "columns": {"title": ["title"], "price_amount": ["originalPriceSet.shopMoney"], "discounted_amount": ["discountedPriceSet.shopMoney"], "tax_amount": ["taxLines"], "is_removed": ["isRemoved"], "currency": ["originalPriceSet.shopMoney.currencyCode"]}, "at": "shippingLines.nodes", "key": ["id"], "unique": false, "key_is_gid": true},
      {"map": "map_shopify_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["priceSet.shopMoney"], "channel_liable": ["channelLiable"], "currency": ["priceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["of.id"], "unique": false, "key_is_gid": true, "inside": "taxLines", "summed": true},
      {"map": "map_shopify_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["priceSet.shopMoney"], "channel_liable": ["channelLiable"], "currency": ["priceSet.shopMoney.currencyCode"]}, "at": "shippingLines.nodes", "key": ["of.id"], "unique": false, "key_is_gid": true, "inside": "taxLines", "summed": true},
      {"map": "map_shopify_orders_order_transactions", "table": "order_transactions", "columns": {"kind": ["kind"], "status": ["status"], "gateway": ["gateway"], "is_test": ["test"], "parent_platform_id": ["parentTransaction.id"], "transaction_amount": ["amountSet.shopMoney"], "processed_at": ["processedAt"], "fees_amount": ["fees"], "fees_tax_amount": ["fees"], "fee_currency": ["feeCurrency", "fees.0.amount.currencyCode"], "rounding_amount": ["amountRoundingSet.shopMoney"], "settlement_currency": ["settlementCurrency"], "settlement_rate": ["settlementCurrencyRate"], "currency": ["amountSet.shopMoney.currencyCode"]}, "at": "transactions", "key": ["id"], "unique": true, "key_is_gid": true},
      {"map": "map_shopify_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["carrier", "trackingInfo.0.company"], "tracking_code": ["trackingCode", "trackingInfo.0.number"], "shipped_at": ["createdAt"]}, "at": "fulfillments", "key": ["id"], "unique": true, "key_is_gid": true}]'::jsonb
$$;

create or replace function private.parts_shopify_refunds() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_refunds_order_refunds", "table": "order_refunds", "columns": {"order_platform_id": ["order.id"], "refund_amount": ["totalRefundedSet.shopMoney"], "reason": ["note"], "refunded_at": ["processedAt"], "currency": ["totalRefundedSet.shopMoney.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_refunds_order_refund_lines", "table": "order_refund_lines", "columns": {"line_item_platform_id": ["lineItem.id"], "quantity": ["quantity"], "restock_type": ["restockType"], "subtotal_amount": ["subtotalSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "currency": ["subtotalSet.shopMoney.currencyCode"]}, "at": "refundLineItems.nodes", "key": ["id", "lineItem.id"], "unique": false, "key_is_gid": true},
      {"map": "map_shopify_refunds_order_refund_shipping_lines", "table": "order_refund_shipping_lines", "columns": {"shipping_line_platform_id": ["shippingLine.id"], "subtotal_amount": ["subtotalAmountSet.shopMoney"], "tax_amount": ["taxAmountSet.shopMoney"], "currency": ["subtotalAmountSet.shopMoney.currencyCode"]}, "at": "refundShippingLines.nodes", "key": ["id"], "unique": true, "key_is_gid": true},
      {"map": "map_shopify_refunds_order_refund_adjustments", "table": "order_refund_adjustments", "columns": {"reason": ["reason"], "adjustment_amount": ["amountSet.shopMoney"], "tax_amount": ["taxAmountSet.shopMoney"], "currency": ["amountSet.shopMoney.currencyCode"]}, "at": "orderAdjustments.nodes", "key": ["id"], "unique": true, "key_is_gid": true}]'::jsonb
$$;

create or replace function private.parts_shopify_journals() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_journals_order_journals", "table": "order_journals", "columns": {"is_test": ["test"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_journals_order_sales", "table": "order_sales", "columns": {"agreement_platform_id": ["of.id"], "happened_at": ["of.happenedAt"], "reason": ["of.reason"], "action_type": ["actionType"], "line_type": ["lineType"], "line_platform_id": ["lineItem.id", "shippingLine.id"], "quantity": ["quantity"], "total_amount": ["totalAmount.shopMoney"], "tax_amount": ["totalTaxAmount.shopMoney"], "channel_tax_amount": ["taxes"], "seller_tax_amount": ["taxes"], "discount_amount": ["totalDiscountAmountBeforeTaxes.shopMoney"], "currency": ["totalAmount.shopMoney.currencyCode"]}, "at": "agreements.nodes", "key": ["id"], "unique": true, "key_is_gid": true, "inside": "sales.nodes", "summed": false},
      {"map": "map_shopify_journals_order_disputes", "table": "order_disputes", "columns": {"initiated_as": ["initiatedAs"], "status": ["status"]}, "at": "disputes", "key": ["id"], "unique": true, "key_is_gid": true}]'::jsonb
$$;

create or replace function private.parts_shopify_rest_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_rest_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["financial_status"], "fulfillment_status": ["fulfillment_status"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["payment_gateway_names"], "ordered_at": ["processed_at"], "cancelled_at": ["cancelled_at"], "discount_amount": ["total_discounts"], "subtotal_amount": ["subtotal_price"], "shipping_amount": ["total_shipping_price_set.shop_money"], "tax_amount": ["total_tax"], "tip_amount": ["total_tip_received"], "total_amount": ["total_price"], "current_total_amount": ["current_total_price"], "presentment_currency": ["presentment_currency"], "presentment_total_amount": ["total_price_set.presentment_money"], "currency": ["currency"]}, "updated": ["updated_at"], "updated_as": "iso_time"},
      {"map": "map_shopify_rest_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product_id"], "product_platform_id": ["variant_id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["current_quantity"], "price_amount": ["price"], "discount_amount": ["discount_allocations"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["id"], "unique": true, "key_is_gid": false},
      {"map": "map_shopify_rest_orders_order_shipping_lines", "table": "order_shipping_lines", "columns": {"title": ["title"], "price_amount": ["price"], "discounted_amount": ["discounted_price"], "tax_amount": ["tax_lines"], "is_removed": ["is_removed"], "currency": ["price_set.shop_money.currency_code"]}, "at": "shipping_lines", "key": ["id"], "unique": false, "key_is_gid": false},
      {"map": "map_shopify_rest_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["price"], "channel_liable": ["channel_liable"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["of.id"], "unique": false, "key_is_gid": false, "inside": "tax_lines", "summed": true},
      {"map": "map_shopify_rest_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["price"], "channel_liable": ["channel_liable"], "currency": ["price_set.shop_money.currency_code"]}, "at": "shipping_lines", "key": ["of.id"], "unique": false, "key_is_gid": false, "inside": "tax_lines", "summed": true},
      {"map": "map_shopify_rest_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["tracking_company"], "tracking_code": ["tracking_number"], "shipped_at": ["created_at"]}, "at": "fulfillments", "key": ["id"], "unique": true, "key_is_gid": false}]'::jsonb
$$;
