"""How pages are walked: one protocol (`walk`), a module a way of paging, and which stream has which (`choice`)."""
