"""The page on which a platform asks the seller: `consent: "ask"`. A stand-in's own words, so that nobody mistakes it.

The page is a form that asks the same address again, with the same query and a decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

DECISION, SELLER = "sandbox_decision", "sandbox_seller"

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; box-sizing: border-box;
  font: 16px/1.5 "Segoe UI", -apple-system, "Liberation Sans", Arial, sans-serif; }
main { max-width: 26rem; width: 100%; box-sizing: border-box; border: 1px solid #8886; border-radius: 14px;
  padding: 1.5rem; }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; }
label { display: flex; gap: .6rem; padding: .4rem 0; }
fieldset { border: 0; padding: 0; margin: 1rem 0; }
legend { font-weight: 600; padding: 0; }
button { font: inherit; padding: .6rem 1.1rem; border-radius: 10px; border: 1px solid #777; cursor: pointer; }
button[value=allow] { background: #222; color: #fff; border-color: #222; }
small { display: block; margin-top: 1rem; }
"""


def is_asked(query: Mapping[str, str]) -> bool:
    """Whether the seller has still to decide."""
    return query.get(DECISION) not in ("allow", "deny")


def is_denied(query: Mapping[str, str]) -> bool:
    return query.get(DECISION) == "deny"


def seller_of(query: Mapping[str, str]) -> str:
    """Which seller decided, as one of the ids that the page was given; empty if none."""
    return query.get(SELLER, "")


def page(title: str, query: Mapping[str, str], *, scopes: Sequence[str], sellers: Sequence[tuple[str, str]]) -> bytes:
    """`sellers` are ids and names; the last, the youngest, is chosen beforehand."""
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in query.items()
        if name not in (DECISION, SELLER)
    )
    choices = "".join(
        f'<label><input type="radio" name="{SELLER}" value="{escape(key)}"{" checked" if last else ""}>'
        f" {escape(name)}</label>"
        for last, (key, name) in zip([False] * (len(sellers) - 1) + [True], sellers, strict=True)
    )
    wanted = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in scopes)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} (sandbox)</title><style>{_STYLE}</style></head>
<body><main><h1>An application would like to connect to your {escape(title)} account</h1>
<form method="get">{kept}<fieldset><legend>Your shop</legend>{choices}</fieldset>
<p>It asks for:</p><ul>{wanted}</ul>
<button name="{DECISION}" value="allow">Grant access</button> <button name="{DECISION}" value="deny">Cancel</button>
</form>
<small>This is a stand-in for {escape(title)} on your own machine.</small></main></body></html>""".encode()
