"""What administrators may do, and the record of it."""
