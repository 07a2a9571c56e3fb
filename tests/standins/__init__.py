"""The stand-ins of platforms as tests use them, and what the tables should hold of each of their shops."""
