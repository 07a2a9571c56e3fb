"""What a shop of Shopify is: orders, products, customers, their ids and money; made from a seed, kept on disk."""
