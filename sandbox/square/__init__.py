"""A Square for tests and demos: docs/sandbox-square.md."""
