"""Webhooks: subscriptions, what sets them off, and the deliveries."""
