"""A stand-in for Printify's public API (docs/sandbox-printify.md)."""
