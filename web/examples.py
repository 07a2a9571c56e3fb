"""What the document of our API shows as an example."""

from __future__ import annotations

from execution.catalog import PLATFORMS

# A platform: the first that there is.
EXAMPLE = next(iter(PLATFORMS))
