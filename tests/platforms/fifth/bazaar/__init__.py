"""Bazaar, made up: everything that the product has to know of it."""
