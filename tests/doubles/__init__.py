"""Test doubles, made by hand: clocks, the database's functions, transports and a token endpoint."""
