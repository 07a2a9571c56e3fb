"""Each vendor's rules for tokens as data; how they are encrypted, refreshed once, and cared for."""
