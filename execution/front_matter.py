"""The front matter of a directive, as the code reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frontmatter
import yaml

from execution.errors import UserError


@contextmanager
def front_matter(page: Path, needs: str) -> Iterator[Mapping[str, Any]]:
    """What is declared there. A UserError for what is missing, or not as the block that reads it takes it."""
    try:
        yield frontmatter.load(str(page)).metadata
    except (OSError, KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise UserError(
            f"The front matter of {page.name} has no usable {needs} ({error}).", hint="Correct it."
        ) from None
