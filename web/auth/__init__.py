"""Who asks: bearer tokens and their keys, sessions, cross-site requests, signed deliveries, limits a user."""
