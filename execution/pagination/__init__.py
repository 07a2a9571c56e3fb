"""How pages are read: one protocol (`paginator`), a module a way of paging, and which stream has which (`registry`)."""
