"""A platform that is not in the product: its package, its stand-in, and the proof that neither needs a changed line."""
