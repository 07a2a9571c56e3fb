"""The way to the platforms: one exchange over HTTP, and how each platform asks and answers."""
