"""The platforms' colours as a style sheet: of their marks, of their bars and of what explains those.

Made of what the platforms say (`SellerWords.colour`), and sent as a file, because no page may hold styles itself.
"""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Request
from starlette.responses import Response

from execution.catalog import shown

router = APIRouter()
_PATH = "/static/platforms.css"


def stylesheet() -> str:
    colours = {name: platform.words.colour for name, platform in shown().items()}
    light = "".join(f"  --platform-{name}: {colour.light};\n" for name, colour in colours.items())
    dark = "".join(f"  --platform-{name}: {colour.dark};\n" for name, colour in colours.items())
    rules = "".join(
        f".mark-{name}, .swatch-{name} {{ background: var(--platform-{name}); }}\n"
        f".fill-{name} {{ fill: var(--platform-{name}); }}\n"
        for name in colours
    )
    return f":root {{\n{light}}}\n@media (prefers-color-scheme: dark) {{ :root {{\n{dark}}} }}\n{rules}"


def address() -> str:
    """With a hash of what is in it, like every static file's."""
    return f"{_PATH}?v={hashlib.sha256(stylesheet().encode()).hexdigest()[:12]}"


@router.get(_PATH)
def show(request: Request) -> Response:
    """Kept by browsers at its own address; at one of another release by nobody."""
    is_ours = f"{_PATH}?{request.url.query}" == address()
    kept = {"Cache-Control": "public, max-age=31536000, immutable"} if is_ours else {}
    return Response(stylesheet(), media_type="text/css", headers=kept)
