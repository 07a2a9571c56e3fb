"""Shopify end to end, and each of its parts."""
