"""The routes, a module a caller."""
