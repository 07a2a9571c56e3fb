"""Bulk operations: what may be asked, how it is run, and the files that come of it."""
