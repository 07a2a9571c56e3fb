"""Write the schema file that holds reference data: currency digits (ISO 4217), HTML entities (HTML 5).

Run `python -m tools.reference_data > supabase/schemas/reference.sql`; rows that change are a migration written by hand.
"""

from __future__ import annotations

from html.entities import html5

from execution.currencies import LISTED

HEADER = """-- Reference data, written by tools/reference_data.py: currency digits of ISO 4217, HTML 5 entities.

create table private.currencies (
    code text primary key check (code ~ '^[A-Z]{3,4}$'),
    digits int not null check (digits between 0 and 6),
    -- What a platform's divisor reads as when it counts in the smallest unit: '100' for USD, '1' for JPY.
    divisor text not null generated always as ((10::numeric ^ digits)::int::text) stored,
    scale numeric not null generated always as (10::numeric ^ digits) stored
);
insert into private.currencies (code, digits) values
"""


def entities() -> dict[str, str]:
    """HTML 5's named entities, without the semicolon; the old ones that need none are the same names."""
    return {name.rstrip(";"): text for name, text in sorted(html5.items()) if name.endswith(";")}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def main() -> None:
    rows = [f"    ('{code}', {digits})" for code, digits in sorted(LISTED.items())]
    print(HEADER + ",\n".join(rows) + ";\n")
    print("create table private.html_entities (name text primary key, text text not null);")
    print("insert into private.html_entities (name, text) values")
    pairs = [f"({quoted(name)}, {quoted(text)})" for name, text in entities().items() if "\0" not in text]
    lines = ["    " + ", ".join(pairs[i : i + 6]) for i in range(0, len(pairs), 6)]
    print(",\n".join(lines) + ";")


if __name__ == "__main__":
    main()
