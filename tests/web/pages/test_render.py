"""What a platform or an address brings is shown as text, and leads nowhere else."""

from __future__ import annotations

import re

import pytest

from tests.web.pages.facts import completed, failed, job, reader, status
from web.pages.login import HOME, own_path
from web.pages.progress_view import progress_view
from web.pages.render import STATIC, _environment, static

_EVIL = '"><script>alert(1)</script>'


def test_a_shops_name_is_text_and_no_markup() -> None:
    view = progress_view(status(job(), failed("payments", "x", _EVIL), shop_name=_EVIL), reader())

    drawn = _environment().get_template("_progress.html").render(view=view, orders=())

    assert "<script" not in drawn
    assert drawn.count("&lt;script&gt;") >= 2


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/\r\nSet-Cookie: a=b",
    ],
)
def test_a_sign_in_never_leads_to_another_site(path: str) -> None:
    assert own_path(path) == HOME


def test_a_sign_in_leads_back_to_where_it_was_asked_for() -> None:
    assert own_path("/settings/connections?platform=etsy") == "/settings/connections?platform=etsy"


def test_no_page_asks_anybody_else_for_anything() -> None:
    """No script, style, font or picture from another site, none inline: the content policy forbids them anyway."""
    templates = [path.read_text() for path in (STATIC.parent / "templates").iterdir()]

    assert not [t for t in templates if re.search(r'(src|href|action)="(https?:)?//', t)]
    assert not [t for t in templates if re.search(r"<style|style=|<script(?![^>]*src=)|\son[a-z]+=", t)]


def test_a_changed_file_has_a_new_address() -> None:
    assert re.fullmatch(r"/static/keeper\.css\?v=[0-9a-f]{12}", static("keeper.css"))


def test_a_page_without_a_proof_shows_none() -> None:
    """The word certificate stands only where there is one."""
    template = _environment().get_template("_progress.html")

    bare = template.render(view=progress_view(status(job()), reader()), orders=())
    proven = template.render(view=progress_view(status(completed()), reader()), orders=())

    assert "Certificate" not in bare
    assert "Certificate: Etsy" in proven
