"""How a person goes on in another shell."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def lines_for(data: Path) -> list[str]:
    """What to type there before the first `keeper`: its folder, where the shell would not find it, and the settings."""
    activate = Path(sys.prefix) / "bin" / "activate"
    is_found = shutil.which("keeper") is not None
    found = [] if is_found or not activate.exists() else [f". {shlex.quote(str(activate))}"]
    return [*found, f"set -a; . {shlex.quote(str(data / 'env'))}; set +a"]
