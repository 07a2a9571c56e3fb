"""A Shopify for tests and demos: docs/sandbox-shopify.md."""
