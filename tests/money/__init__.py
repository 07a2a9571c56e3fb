"""Money: events, days, and an oracle that knows nothing of the product."""
