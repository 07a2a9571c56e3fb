"""How one value of a record is read and converted, as SQL: what `mapping` puts its functions together from.

Each named conversion is a function of SQL that the planner puts into the mapping itself (docs/decisions/023).
"""

from __future__ import annotations

from execution.streams import Column, Kind

# Text columns take no other JSON type; numbers, times and booleans are refused by their own cast.
# A number does as well as a text.
LOOSE = (Kind.TEXT, Kind.DECIMAL, Kind.WHOLE)
TEXTS = (Kind.HTML, Kind.LOWER, Kind.ISO_TIME, Kind.GID)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def value(path: str, *, of: str) -> str:
    """The JSON value at a dotted path."""
    return of + "".join(f" -> {quoted(part)}" for part in path.split("."))


def text_at(path: str, *, of: str) -> str:
    """The text at a dotted path."""
    *outer, last = path.split(".")
    return of + "".join(f" -> {quoted(part)}" for part in outer) + f" ->> {quoted(last)}"


def place(path: str) -> str:
    """A dotted path as the operators of jsonb take it."""
    return quoted("{" + path.replace(".", ",") + "}")


def checked_text(path: str, kind: Kind, *, of: str) -> str:
    """The text of a value that has the JSON type this kind takes; another type is an error, null is null."""
    if kind not in LOOSE and kind not in TEXTS:
        return text_at(path, of=of)
    outer, _, last = path.rpartition(".")
    parent = value(outer, of=of) if outer else of
    if kind in LOOSE:
        return f"private.text_in({parent}, {quoted(last)}, {quoted(path)})"
    return f"private.string_in({parent}, {quoted(last)}, {quoted(path)}, {quoted(kind)})"


# A value is read once, into `v`, as the type that its conversion takes.
READ_AS = {
    Kind.INTEGER: "bigint",
    Kind.BOOLEAN: "boolean",
    Kind.EPOCH: "bigint",
    Kind.HUNDREDTHS: "bigint",
    Kind.MAJOR: "numeric",
}
EPOCH = "private.epoch({v})"
# `c` is the record's currency, as far as it is known; `v.currency` what the record calls it.
CONVERSIONS = {
    Kind.TEXT: "{v}",
    Kind.LOWER: "lower({v})",
    Kind.HTML: "private.decode_html({v})",
    Kind.INTEGER: "{v}",
    Kind.BOOLEAN: "{v}",
    Kind.EPOCH: EPOCH,
    Kind.MONEY: "private.money({v}, c, v.currency, {path})",
    Kind.HUNDREDTHS: "private.hundredths({v}, c, v.currency, {path})",
    Kind.MAJOR: "private.major({v}, c, v.currency, {path})",
    Kind.TEXTS: "private.joined_texts({v}, {path})",
    Kind.ISO_TIME: "private.moment({v}, {path})",
    Kind.DECIMAL_MONEY: "private.decimal_money({v}, c, v.currency, {path})",
    Kind.OWN_MONEY: "private.own_money({v}, {path})",
    Kind.GID: "private.gid({v}, {path})",
    Kind.SUM: "private.sum_of({v}, {each}, c, v.currency, {path})",
    Kind.OWN_SUM: "private.own_sum_of({v}, {each}, {path})",
    Kind.MINOR: "private.minor_money({v}, v.currency, {path})",
    Kind.MINOR_SUM: "private.minor_sum_of({v}, {each}, v.currency, {path})",
    Kind.DECIMAL: "private.decimal_of({v}, {path})",
    Kind.WHOLE: "private.whole_of({v}, {path})",
}


def read(column: Column) -> str:
    """Read a column's value out of `r`, once."""
    if column.kind in (Kind.MONEY, Kind.TEXTS, Kind.DECIMAL_MONEY, Kind.OWN_MONEY, Kind.MINOR, Kind.MINOR_SUM):
        return f"{value(column.path, of='r')} as {column.name}"
    if column.kind in (Kind.SUM, Kind.OWN_SUM):
        found = value(column.path, of="r")
        if column.each_if:
            member, wanted = column.each_if
            chosen = quoted(f"$[*] ? (@.{member} == {str(wanted).lower()})")
            some = f"jsonb_path_query_array({found}, {chosen})"
            found = f"case when jsonb_typeof({found}) = 'array' then {some} else {found} end"
        return f"{found} as {column.name}"
    text = checked_text(column.path, column.kind, of="r")
    if column.and_at:
        text = f"nullif(concat_ws(' ', {text}, {checked_text(column.and_at, column.kind, of='r')}), '')"
    if column.or_at:
        text = f"coalesce({text}, r #>> {place(column.or_at)})"
    if column.kind in READ_AS:
        text = f"({text})::{READ_AS[column.kind]}"
    return f"{text} as {column.name}"


def convert(column: Column) -> str:
    """Convert the value that was read."""
    names = {"v": f"v.{column.name}", "path": quoted(column.path), "each": place(column.each)}
    sql = CONVERSIONS[column.kind].format(**names)
    if column.only_with:
        sql = f"case when {text_at(column.only_with, of='r')} is not null then {sql} end"
    if column.only_if:
        path, wanted = column.only_if
        sql = f"case when {text_at(path, of='r')} = {quoted(wanted)} then {sql} end"
    return sql
