"""What every figure of every day should be, from what the platforms truly hold and from the reference of definitions.

Nothing of the product is imported in here, no table is read, and each rule is written out anew: whoever changes a
rule of the product meets the other reading of it here. Income is positive, cost negative, in the smallest unit of
each currency.

Where the reference leaves something open, the module says how it is read: `etsy` (whose tax, how a refund without
lines is split), `shopify` (which orders count), `printify` (whose cost, and when it is known), `square` (what is a sale
there, and when).
"""
