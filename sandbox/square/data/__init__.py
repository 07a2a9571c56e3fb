"""What a Square seller's account holds: made from a plan, kept in an index on disk, changed while it is read."""
