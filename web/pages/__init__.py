"""The pages: what sellers see. Views turn facts into words, routes answer, templates draw."""

from web.pages.mount import add_pages

__all__ = ["add_pages"]
