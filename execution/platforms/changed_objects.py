"""Objects that a platform's webhook named, read again by id: one entity a platform, made of its own streams' records.

A webhook's body is never believed (it may be old, come out of order, or under another topic's name): it only says which
object to ask for, also where it says that the object was deleted. What it asked for stands in private.platform_events
until the job that read it has completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from execution.streams import Entity, Lookup, Step, Stream

NAME = "changes"


@dataclass(frozen=True, kw_only=True)
class ChangedObject:
    """One kind of object: the stream whose records it is among, and how it is asked for by id.

    `event`: what webhooks call it, where that is not the stream's name.
    """

    stream: str
    by_id: Callable[[Stream, Lookup], Lookup]
    event: str = ""
    # Personal data, which the platform may not have approved for us: once it has, its entity is read anew.
    is_personal: bool = False


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What webhooks of a platform lead to. `beside`: what belongs to an object and is a list of its own, read with it.

    `afterwards` names lookups of its entities that an object which was read again may still want.
    """

    objects: tuple[ChangedObject, ...] = ()
    beside: tuple[Step, ...] = ()
    afterwards: frozenset[str] = frozenset()


def at_path(path: str) -> Callable[[Stream, Lookup], Lookup]:
    """An object that has a path of its own, and is the whole answer there."""

    def by_id(stream: Stream, lookup: Lookup) -> Lookup:
        return replace(lookup, path=path, records_at=stream.records_at, single=True)

    return by_id


def entity_of(changes: Changes, entities: Sequence[Entity]) -> Entity:
    """The entity `changes` of a platform, made of the streams and lookups of its others."""
    steps = [step for entity in entities for step in entity.steps]
    streams = {step.name: step for step in steps if isinstance(step, Stream)}
    lookups = [_lookup(one, streams[one.stream]) for one in changes.objects if one.stream in streams]
    after = [step for step in steps if isinstance(step, Lookup) and step.name in changes.afterwards]
    return Entity(name=NAME, table="orders", steps=(*lookups, *changes.beside, *_once(after)))


def kinds(changes: Entity) -> dict[str, str]:
    """What webhooks call the records of a stream that can be asked for by id: of the entity `changes`."""
    return {
        step.name: step.named_by_events for step in changes.steps if isinstance(step, Lookup) and step.named_by_events
    }


def _lookup(one: ChangedObject, stream: Stream) -> Lookup:
    found = Lookup(
        name=stream.name,
        path=stream.path,
        records=stream.records,
        pending=f"changed_{one.event or stream.name}",
        may_be_refused=one.is_personal,
        named_by_events=one.event or stream.name,
    )
    return one.by_id(stream, found)


def _once(lookups: Sequence[Lookup]) -> Iterator[Lookup]:
    seen: set[str] = set()
    for lookup in lookups:
        if lookup.name not in seen:
            seen.add(lookup.name)
            yield lookup
