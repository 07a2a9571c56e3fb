"""Permits in parts: what the directive declares, the day in Postgres, the second in Valkey, the share of errors."""
