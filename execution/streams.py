"""A stream is data: where its pages are, how they are read, which columns its records fill.

Nothing here knows a database or a network. `pagination/registry.py` picks the paginator of a stream by its `pages`,
`schema/mapping.py` writes the SQL that maps its records, `slices/stream_step.py` works it. A new endpoint is a new
value of these types; a new way of paging is a new kind of `Pages` and its paginator (docs/decisions/010).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from execution.http.messages import Request


class Kind(StrEnum):
    """The named conversions from a JSON value to a column; supabase/migrations/*_conversions.sql says how."""

    TEXT = "text"  # a string or a number, as text
    LOWER = "lower"  # text in lower case
    HTML = "html"  # text whose HTML entities are decoded once
    INTEGER = "integer"
    BOOLEAN = "boolean"
    EPOCH = "epoch"  # whole Unix seconds, to timestamptz
    MONEY = "money"  # {amount, divisor, currency_code}, to minor units
    HUNDREDTHS = "hundredths"  # a bare integer in 1/100 of the record's currency, to minor units
    MAJOR = "major"  # a decimal in major units of the record's currency, to minor units
    TEXTS = "texts"  # a list of texts, joined by ", "
    ISO_TIME = "iso_time"  # ISO 8601 with its offset, a T or a space before the hour, to timestamptz
    DECIMAL_MONEY = "decimal_money"  # {amount: "55.0", currencyCode}, to minor units; no code: the record's currency
    OWN_MONEY = "own_money"  # the same in a currency of its own, to that currency's minor units
    GID = "gid"  # what a GraphQL id ends with: gid://shopify/Order/1 is 1
    SUM = "sum"  # a list with money in each element (`each`), added up in the record's currency; of none: 0
    OWN_SUM = "own_sum"  # the same in the currency that the list has; of none: nobody knows
    MINOR = "minor"  # {amount, currency}, a whole number of the smallest unit, in the record's currency
    MINOR_SUM = "minor_sum"  # a list with such money in each element (`each`), added up; of none: nobody knows
    DECIMAL = "decimal"  # a decimal as a text or a number, as it is
    WHOLE = "whole"  # the same where it is a whole number; of a fraction: null


@dataclass(frozen=True)
class Column:
    """One typed column: its name, its dotted path in the record, its conversion.

    `only_if` (path, value) leaves the column null unless that path has that text, `only_with` unless that path has
    anything. `and_at`: the text that follows, after a space (a family name). `or_at` is read where `path` has
    nothing; a number in it is a place in a list. `shown_by`: where the record has none of these members, what is stored
    stays: a platform that stops showing personal data must not erase it (Shopify's sheet, 2.5).
    `each`: of a list that is added up, where the money of an element stands; `each_if`: only of elements where this
    path is true, or false.
    """

    name: str
    path: str
    kind: Kind
    only_if: tuple[str, str] | None = None
    only_with: str = ""
    and_at: str = ""
    or_at: str = ""
    each: str = ""
    each_if: tuple[str, bool] | None = None
    shown_by: tuple[str, ...] = ()


def reference(name: str, path: str, kind: Kind) -> Column:
    """A column that names another record, which may be deleted before this one: a platform then takes its id out of
    what is read again. What was known stays.
    """
    return Column(name, path, kind, shown_by=(path,))


@dataclass(frozen=True, kw_only=True)
class Children:
    """Records inside a record: an array (`at`), each element a row of `table` that names its parent.

    `key` is unique by itself (`unique=True`), or made of the parent's key, these paths and the place among equals:
    some platforms give their refunds no id. `key_is_gid`: each is what a GraphQL id ends with. Where one of `more_at`
    is true the record shows only some of its children (the first, the last), and none that it leaves out is gone.
    `stretch_at`: where the parent says which stretch of them it shows. It stands for the first part of a made key that
    a child lacks: places among equals are counted anew in every stretch.
    `inside`: the children are not the elements themselves but those of this list in each of them, which get the element
    as their member `of`. `beside`: further lists of the same kind. A `*` in `more_at` stands for every element.
    `or_place`: the key is its own id, and where it has none its place in its parent.
    Stored is what its columns and key read, and `keep`: a platform's next member that names a person stays out.
    """

    table: str
    at: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    currency: str = ""
    unique: bool = True
    parent_column: str = "order_platform_id"
    key_is_gid: bool = False
    more_at: tuple[str, ...] = ()
    stretch_at: str = ""
    keep: tuple[str, ...] = ()
    inside: str = ""
    beside: tuple[str, ...] = ()
    or_place: bool = False


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person named in a record: these fields of it are a row of `table`; the newest record about them wins."""

    table: str
    key: str
    updated: str
    members: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, kw_only=True)
class Records:
    """A record's shape: what each becomes, a row of `table` with children and people.

    `name` is the shape's: streams and lookups that bring the same records share one value of this, and with it one
    function that lands them (docs/decisions/023).
    `key_is_gid`: the key is what a GraphQL id ends with. `updated` lists paths of the record's own version time, in
    the form `updated_as` (Unix seconds, or ISO 8601); the greatest wins. Without any the later fetch wins.
    `leave_out` names personal fields that no feature needs (dotted: one inside an object): they are not stored in
    `raw`. A rejected record keeps of them only what a person's row takes, so that a replay can fill it. `keep_of` names
    objects, or lists of such, of which nothing but some members is stored. With `keep` nothing is stored but what
    columns, key and version read, and these members: as of children, whose table it may share.
    """

    name: str
    table: str
    key: str
    updated: tuple[str, ...]
    columns: tuple[Column, ...]
    currency: str = ""
    key_is_gid: bool = False
    updated_as: Kind = Kind.EPOCH
    leave_out: tuple[str, ...] = ()
    keep_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep: tuple[str, ...] | None = None
    children: tuple[Children, ...] = ()
    people: tuple[Person, ...] = ()

    @cached_property
    def kept_parts(self) -> Parts:
        """What is kept of each child and of such objects: nothing but what something reads. Every page asks."""
        of_objects = {name: _tree(members) for name, members in self.keep_of.items()}
        itself = {} if self.keep is None else {"": kept_of(self)}
        of_children: dict[str, Tree] = {}
        for child in self.children:
            for at in (child.at, *child.beside):
                of_children[at] = _merged(of_children.get(at, {}), _kept_in_list(child))
        return itself | of_children | of_objects


# Members by name, each with those of its own that are kept; none of its own: the whole value.
Tree = Mapping[str, "Tree"]
# Where children stand, and what is kept of each; `""` is the record itself.
Parts = Mapping[str, Tree]


def kept_of(part: Records | Children) -> Tree:
    """What is stored of a record by its allow-list: what something reads."""
    paths = [part.currency, *(part.keep or ())]
    paths += [part.key, *part.updated] if isinstance(part, Records) else part.key
    for column in part.columns:
        paths += [
            column.path,
            column.and_at,
            column.or_at,
            *(column.only_if or ())[:1],
            column.only_with,
            *column.shown_by,
        ]
    return _tree(path for path in paths if path)


def _kept_in_list(child: Children) -> Tree:
    """What is stored of an element of the list that a child stands in."""
    kept = kept_of(child)
    if not child.inside:
        return kept
    inner: Tree = {name: below for name, below in kept.items() if name != "of"}
    for name in reversed(child.inside.split(".")):
        inner = {name: inner}
    places = _tree(path.partition(".*.")[2] for path in child.more_at if ".*." in path)
    return _merged(_merged(kept.get("of", {}), inner), places)


def _merged(one: Tree, other: Tree) -> Tree:
    """Both; a member that one of them keeps whole stays whole."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        both[name] = _merged(one[name], other[name]) if one[name] and other[name] else {}
    return both


def _tree(paths: Iterable[str]) -> Tree:
    below: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        below.setdefault(head, []).append(rest)
    # A number is a place in a list, which is kept whole.
    return {
        head: {} if any(not rest or rest[0].isdigit() for rest in inner) else _tree(inner)
        for head, inner in below.items()
    }


@dataclass(frozen=True, kw_only=True)
class Pages:
    """How a platform pages a list: the parameters of its paginator, which `pagination/registry.py` knows."""


@dataclass(frozen=True, kw_only=True)
class OffsetPages(Pages):
    """Pages by `limit` and `offset`, with the total in each answer.

    Pages overlap by one record, so that a shift of the list between two pages is seen. Windows with more than
    `split_above` records are halved, because no offset beyond `max_offset` is answered.
    """

    limit: int = 100
    max_offset: int = 12_000
    split_above: int = 10_000
    count_at: str = "count"
    limit_param: str = "limit"
    offset_param: str = "offset"


@dataclass(frozen=True, kw_only=True)
class PageNumberPages(Pages):
    """Pages by number over a list with its newest record first, in Laravel's envelope (Printify's sheet, section 5).

    `newest_first_by` is the time of creation that the order is checked by; the list is never asked to be in an order.
    `most_pages`: where a list that does not tell its total is taken to have no end.
    """

    limit: int
    most_pages: int = 100_000
    newest_first_by: str = "created_at"
    limit_param: str = "limit"
    page_param: str = "page"


@dataclass(frozen=True, kw_only=True)
class HeadPages(PageNumberPages):
    """The newest of such a list: from its first page down to where the window begins."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A closed window of Unix seconds, both ends inclusive. `grid_seconds` cuts it at multiples of the epoch.

    `from_shop_creation`: nothing can be older than the shop, so the first window starts there.
    """

    min_param: str
    max_param: str
    time_at: str
    grid_seconds: int | None = None
    from_shop_creation: bool = False
    earliest: int = 946_684_800  # 1 January 2000: the lowest value that Etsy's filters take


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A platform shows nothing that was created longer ago than `days`, unless this right was granted."""

    days: int
    unless: str = ""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """An endpoint that lists records. `parts` are parameter sets read one after the other (one state a call)."""

    name: str
    path: str
    records: Records
    pages: Pages = OffsetPages()
    records_at: str = "results"
    params: Mapping[str, str] = field(default_factory=dict)
    # Turns the order of `params` round, so that the newest record comes first: the probe at the end asks so.
    newest_first: Mapping[str, str] = field(default_factory=dict)
    window: Window | None = None
    parts: tuple[Mapping[str, str], ...] = ({},)
    # What it does not show because it has forgotten is not gone. None: it forgets nothing.
    memory: Memory | None = None


def request_by_parameter(lookup: Lookup, ids: Sequence[str]) -> Request:
    """`param` carries a comma-separated batch; without it the path has `{id}` and each call fetches for one id."""
    params = {lookup.param: ",".join(ids)} if lookup.param else {}
    return Request(path=lookup.path.replace("{id}", ids[0]), params=params)


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Records fetched by id, only for ids that the database lists as pending (`private.pending_<platform>_<name>`).

    `ask` puts a batch of ids into a call. When the platform refuses a batch (400), `fallback` is tried.
    """

    name: str
    path: str
    records: Records
    batch: int = 1
    fallback: int = 1
    param: str = ""
    records_at: str = "results"
    request: Callable[[Lookup, Sequence[str]], Request] = request_by_parameter
    # The document that `request` asks with, where the platform is asked in one (GraphQL).
    query: str = ""
    # Another list of pending ids than the one of its own name.
    pending: str = ""
    # The answer is the record itself, and no list of one.
    single: bool = False
    # The ids that are asked for are the keys of the records that come: one that does not come is gone.
    by_key: bool = True
    # Null stands in place of the list, or of what holds it, where there is none.
    none_is_null: bool = False
    # The answer is an object that has the record as this member.
    inside: str = ""
    # An answer that shows none of them has no list at all.
    omits_empty: bool = False
    # Null stands in the list for what is gone (GraphQL's `nodes`).
    null_is_gone: bool = False
    # The member of the record in which the id that was asked for is put down, where it says what is to be asked next.
    asked_at: str = ""
    # Where these may not be read, the steps beside it go on: another entity tells the seller.
    may_be_refused: bool = False
    # What webhooks call these: one that is not there when it is asked for is gone, where a webhook said so too.
    named_by_events: str = ""


@dataclass(frozen=True, kw_only=True)
class Derivation:
    """Work inside the database, in batches by key (`private.derive_<platform>_<name>`); no call to the platform."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """What is seen to at the platform, and brings no records (`slices/upkeep_step.py`)."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One page of a stream at a random place, read once more and compared (`slices/sample_step.py`)."""

    stream: Stream

    @property
    def name(self) -> str:
        return self.stream.name


Step = Stream | Lookup | Derivation | Upkeep | Sample
# Those that bring records.
Reading = Stream | Lookup


def shapes(steps: Iterable[Step]) -> tuple[Records, ...]:
    """What steps bring, each shape once. Two shapes of one name would land by one function: an error."""
    found: dict[str, Records] = {}
    for step in steps:
        if isinstance(step, Reading) and found.setdefault(step.records.name, step.records) != step.records:
            raise ValueError(f"two shapes of records have the name {step.records.name!r}")
    return tuple(found.values())


@dataclass(frozen=True, kw_only=True)
class Round:
    """How an entity follows its platform once it is proven: read from the watermark on, at the least calls.

    `steps` and `proofs` stand in the place of the entity's own. `doubt_seconds`: how far back is read again when a
    proof fails, for the platform may have put a record into the past; 0: nothing would be mended by that.
    How often an entity is read, how far the next round looks back, and what follows at once, SQL says
    (private.round_rules, private.lookbacks, private.woken_by_*).
    """

    steps: tuple[Step, ...]
    proofs: tuple[str, ...] = ()
    doubt_seconds: int = 0


@dataclass(frozen=True, kw_only=True)
class Entity:
    """What a job is about: its steps in order, and the checks that its certificate needs.

    `table` holds its rows. `proofs` names further checks (`private.prove_<platform>_<name>`).
    """

    name: str
    table: str
    steps: tuple[Step, ...]
    time_column: str = ""
    proofs: tuple[str, ...] = ()
    # Records of a complete read of everything: what it does not show is gone (P12).
    complete_read: bool = False
    # Members of a record with its time of creation, where the listing is bounded by it: it says nothing of later ones.
    created_at: tuple[str, ...] = ()
    # Without one, a round is the whole reading once more.
    round: Round | None = None
    # These are the steps of a round: they read what is new, and say nothing of the rest.
    in_round: bool = False

    def for_round(self) -> Entity:
        """As its rounds read it."""
        if self.round is None:
            return self
        return replace(
            self,
            steps=self.round.steps,
            proofs=self.round.proofs,
            complete_read=False,
            in_round=True,
        )

    def as_sample(self) -> Entity:
        """As a random old page of it is read once more; nothing without a stream."""
        steps = () if self.listing is None else (Sample(stream=self.listing),)
        return replace(self, steps=steps, proofs=(), complete_read=False)

    @property
    def listing(self) -> Stream | None:
        """The stream that enumerates the entity's records, where it has one."""
        return next((step for step in self.steps if isinstance(step, Stream)), None)
