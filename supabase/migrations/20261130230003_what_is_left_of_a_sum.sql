-- Of a list of which a part cannot be read nobody knows the sum.

-- readable_children: a record's children, those that can be rows. One that cannot be read is left out with its reason,
-- unless it is a row already: that would be taken for gone, so the record is `lost`. Children that stand in a list of each
-- element of a list are read an element at a time: each has it as its member `of`.
create or replace function private.readable_children(job public.sync_jobs, p_spec jsonb, inout record jsonb,
                                                     inout reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare outer_at text[] := string_to_array(p_spec ->> 'at', '.'); inner_at text[] := string_to_array(p_spec ->> 'inside', '.');
        kept jsonb := '[]'; element jsonb; one record; said text; number int := 0; wanted int;
begin
    if inner_at is null then
        one := private.readable_list(job, p_spec, record, reasons);
        record := one.record; reasons := one.reasons; lost := one.lost;
        return;
    end if;
    if jsonb_typeof(record #> outer_at) is distinct from 'array' then
        if record #> outer_at <> 'null' then
            reasons := reasons || format('%s: %s where a list is due', p_spec ->> 'at', jsonb_typeof(record #> outer_at));
            record := private.without_member(record, outer_at);
        end if;
        return;
    end if;
    for element in select e from jsonb_array_elements(record #> outer_at) as e loop
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

create or replace function private.parts_shopify_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["displayFinancialStatus"], "fulfillment_status": ["displayFulfillmentStatus"], "is_paid": ["fullyPaid"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["paymentGatewayNames"], "ordered_at": ["processedAt"], "cancelled_at": ["cancelledAt"], "discount_amount": ["totalDiscountsSet.shopMoney"], "subtotal_amount": ["subtotalPriceSet.shopMoney"], "shipping_amount": ["totalShippingPriceSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "tip_amount": ["totalTipReceivedSet.shopMoney"], "total_amount": ["totalPriceSet.shopMoney"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "refunded_amount": ["totalRefundedSet.shopMoney"], "presentment_currency": ["totalPriceSet.presentmentMoney.currencyCode"], "presentment_total_amount": ["totalPriceSet.presentmentMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product.id"], "product_platform_id": ["variant.id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["currentQuantity"], "price_amount": ["originalUnitPriceSet.shopMoney"], "discount_amount": ["discountAllocations"], "currency": ["originalUnitPriceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["id"], "unique": true},
      {"map": "map_shopify_orders_order_shipping_lines", "table": "order_shipping_lines", "columns": {"title": ["title"], "price_amount": ["originalPriceSet.shopMoney"], "discounted_amount": ["discountedPriceSet.shopMoney"], "tax_amount": ["taxLines"], "is_removed": ["isRemoved"], "currency": ["originalPriceSet.shopMoney.currencyCode"]}, "at": "shippingLines.nodes", "key": ["id"], "unique": false},
      {"map": "map_shopify_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["priceSet.shopMoney"], "channel_liable": ["channelLiable"], "currency": ["priceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["of.id"], "unique": false, "inside": "taxLines", "summed": true},
      {"map": "map_shopify_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["priceSet.shopMoney"], "channel_liable": ["channelLiable"], "currency": ["priceSet.shopMoney.currencyCode"]}, "at": "shippingLines.nodes", "key": ["of.id"], "unique": false, "inside": "taxLines", "summed": true},
      {"map": "map_shopify_orders_order_transactions", "table": "order_transactions", "columns": {"kind": ["kind"], "status": ["status"], "gateway": ["gateway"], "is_test": ["test"], "parent_platform_id": ["parentTransaction.id"], "transaction_amount": ["amountSet.shopMoney"], "processed_at": ["processedAt"], "fees_amount": ["fees"], "fees_tax_amount": ["fees"], "fee_currency": ["feeCurrency", "fees.0.amount.currencyCode"], "rounding_amount": ["amountRoundingSet.shopMoney"], "settlement_currency": ["settlementCurrency"], "settlement_rate": ["settlementCurrencyRate"], "currency": ["amountSet.shopMoney.currencyCode"]}, "at": "transactions", "key": ["id"], "unique": true},
      {"map": "map_shopify_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["carrier", "trackingInfo.0.company"], "tracking_code": ["trackingCode", "trackingInfo.0.number"], "shipped_at": ["createdAt"]}, "at": "fulfillments", "key": ["id"], "unique": true}]'::jsonb
$$;

create or replace function private.parts_shopify_journals() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_journals_order_journals", "table": "order_journals", "columns": {"is_test": ["test"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_journals_order_sales", "table": "order_sales", "columns": {"agreement_platform_id": ["of.id"], "happened_at": ["of.happenedAt"], "reason": ["of.reason"], "action_type": ["actionType"], "line_type": ["lineType"], "line_platform_id": ["lineItem.id", "shippingLine.id"], "quantity": ["quantity"], "total_amount": ["totalAmount.shopMoney"], "tax_amount": ["totalTaxAmount.shopMoney"], "channel_tax_amount": ["taxes"], "seller_tax_amount": ["taxes"], "discount_amount": ["totalDiscountAmountBeforeTaxes.shopMoney"], "currency": ["totalAmount.shopMoney.currencyCode"]}, "at": "agreements.nodes", "key": ["id"], "unique": true, "inside": "sales.nodes", "summed": false},
      {"map": "map_shopify_journals_order_disputes", "table": "order_disputes", "columns": {"initiated_as": ["initiatedAs"], "status": ["status"]}, "at": "disputes", "key": ["id"], "unique": true}]'::jsonb
$$;

create or replace function private.parts_shopify_rest_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_rest_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["financial_status"], "fulfillment_status": ["fulfillment_status"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["payment_gateway_names"], "ordered_at": ["processed_at"], "cancelled_at": ["cancelled_at"], "discount_amount": ["total_discounts"], "subtotal_amount": ["subtotal_price"], "shipping_amount": ["total_shipping_price_set.shop_money"], "tax_amount": ["total_tax"], "tip_amount": ["total_tip_received"], "total_amount": ["total_price"], "current_total_amount": ["current_total_price"], "presentment_currency": ["presentment_currency"], "presentment_total_amount": ["total_price_set.presentment_money"], "currency": ["currency"]}, "updated": ["updated_at"], "updated_as": "iso_time"},
      {"map": "map_shopify_rest_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product_id"], "product_platform_id": ["variant_id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["current_quantity"], "price_amount": ["price"], "discount_amount": ["discount_allocations"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["id"], "unique": true},
      {"map": "map_shopify_rest_orders_order_shipping_lines", "table": "order_shipping_lines", "columns": {"title": ["title"], "price_amount": ["price"], "discounted_amount": ["discounted_price"], "tax_amount": ["tax_lines"], "is_removed": ["is_removed"], "currency": ["price_set.shop_money.currency_code"]}, "at": "shipping_lines", "key": ["id"], "unique": false},
      {"map": "map_shopify_rest_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["price"], "channel_liable": ["channel_liable"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["of.id"], "unique": false, "inside": "tax_lines", "summed": true},
      {"map": "map_shopify_rest_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["price"], "channel_liable": ["channel_liable"], "currency": ["price_set.shop_money.currency_code"]}, "at": "shipping_lines", "key": ["of.id"], "unique": false, "inside": "tax_lines", "summed": true},
      {"map": "map_shopify_rest_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["tracking_company"], "tracking_code": ["tracking_number"], "shipped_at": ["created_at"]}, "at": "fulfillments", "key": ["id"], "unique": true}]'::jsonb
$$;
