"""Events out: what the service that embeds Keeper is told, signed, in order, until it says that it has it."""
