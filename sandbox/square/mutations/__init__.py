"""Changes to a seller's account while someone reads it: now, or around requests."""
