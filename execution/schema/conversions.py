"""How one value of a record is read and converted, as SQL: what `mapping` puts its functions together from."""

from __future__ import annotations

from execution.streams import Column, Kind

# Text columns take no other JSON type; numbers, times and booleans are refused by their own cast.
JSON_TYPES = {
    Kind.TEXT: ("string", "number"),
    Kind.HTML: ("string",),
    Kind.LOWER: ("string",),
    Kind.ISO_TIME: ("string",),
    Kind.GID: ("string",),
}


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
    if kind not in JSON_TYPES:
        return text_at(path, of=of)
    types = JSON_TYPES[kind]
    whens = " ".join(f"when {quoted(name)} then {text_at(path, of=of)}" for name in types)
    json = value(path, of=of)
    wrong = f"private.wrong_type({json}, {quoted(path)}, {quoted(kind)})"
    return f"case jsonb_typeof({json}) {whens} when 'null' then null else {wrong} end"


# A value is read once, into `v`, as the type that its conversion takes.
READ_AS = {
    Kind.INTEGER: "bigint",
    Kind.BOOLEAN: "boolean",
    Kind.EPOCH: "bigint",
    Kind.HUNDREDTHS: "bigint",
    Kind.MAJOR: "numeric",
}
ISO_TIME = (
    r"case when {v} ~ '^\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then {v}::timestamptz"
    " when {v} is not null then private.bad_time({v}, {path}) end"
)
EPOCH = "case when {v} between 0 and 253402300799 then to_timestamp({v}) else private.bad_epoch({v}) end"
# The usual case stands inline, because a function call costs more than all the rest; `c` is the record's currency.
CONVERSIONS = {
    Kind.TEXT: "{v}",
    Kind.LOWER: "lower({v})",
    Kind.HTML: "private.decode_html({v})",
    Kind.INTEGER: "{v}",
    Kind.BOOLEAN: "{v}",
    Kind.EPOCH: EPOCH,
    Kind.MONEY: "case when {v} ->> 'currency_code' = c.code and {v} ->> 'divisor' = c.divisor"
    " then coalesce(({v} ->> 'amount')::bigint, private.money_exact({v}, v.currency, {path}))"
    " when jsonb_typeof({v}) = 'null' then null else private.money_exact({v}, v.currency, {path}) end",
    Kind.HUNDREDTHS: "case when c.digits = 2 then {v} else private.hundredths_exact({v}, v.currency, {path}) end",
    Kind.MAJOR: "case when {v} * c.scale = trunc({v} * c.scale) then ({v} * c.scale)::bigint"
    " else private.major_exact({v}, v.currency, {path}) end",
    Kind.TEXTS: "private.joined_texts({v}, {path})",
    Kind.ISO_TIME: ISO_TIME,
    Kind.DECIMAL_MONEY: "case when {v} is null or jsonb_typeof({v}) = 'null' then null"
    " when coalesce({v} ->> 'currencyCode', c.code) = c.code"
    " and ({v} ->> 'amount')::numeric * c.scale = trunc(({v} ->> 'amount')::numeric * c.scale)"
    " then (({v} ->> 'amount')::numeric * c.scale)::bigint"
    " else private.decimal_money_exact({v}, v.currency, {path}) end",
    Kind.OWN_MONEY: "private.decimal_money_exact({v}, coalesce({v} ->> 'currencyCode', {v} ->> 'currency_code'),"
    " {path})",
    Kind.GID: "case when {v} is not null then coalesce(private.gid_tail({v}), private.bad_gid({v}, {path})) end",
}


def read(column: Column) -> str:
    """Read a column's value out of `r`, once."""
    if column.kind in (Kind.MONEY, Kind.TEXTS, Kind.DECIMAL_MONEY, Kind.OWN_MONEY):
        return f"{value(column.path, of='r')} as {column.name}"
    text = checked_text(column.path, column.kind, of="r")
    if column.or_at:
        text = f"coalesce({text}, r #>> {place(column.or_at)})"
    if column.kind in READ_AS:
        text = f"({text})::{READ_AS[column.kind]}"
    return f"{text} as {column.name}"


def convert(column: Column) -> str:
    """Convert the value that was read."""
    sql = CONVERSIONS[column.kind].format(v=f"v.{column.name}", path=quoted(column.path))
    if column.only_if:
        path, wanted = column.only_if
        sql = f"case when {text_at(path, of='r')} = {quoted(wanted)} then {sql} end"
    return sql
