"""What a seller grants (a scope of OAuth), and what each step of a platform needs of it.

A right that is missing ends what needs it, by name and without a call; nothing else. What merely uses it is read
without that part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from execution.errors import Fatal
from execution.http.messages import Send
from execution.platforms.changed_objects import NAME as CHANGES
from execution.streams import Entity, Reading, Step
from execution.tokens.rules import held

# The stable word of an entity that may not be read; its fact `right` names what is missing.
RIGHT_MISSING = "right_missing"
# What else is said of a part that may not be read: a permission was not granted, personal data was not approved.
NOT_APPROVED = ("access_denied", "protected_data")
Granted = frozenset[str]


def tells_nothing(_send: Send, _access_token: str) -> Granted | None:
    """Of a platform that does not say what was granted: the first refusal tells."""
    return None


@dataclass(frozen=True, kw_only=True)
class Rights:
    """`needs`: the rights of each stream and lookup, by name (`tests/platforms/test_rights.py` wants all of them).

    `optional`: steps that are asked only where all that they need is known to be granted: nobody is asked for it who
    connects, and without it nothing is missing but what they bring.
    `without`: how steps are asked where a right is not granted that only a part of them needs: that part is left out.
    `told`: what a token was granted, asked of the platform or read from the token, where `Api.identify` does not say.
    `may_change`: a seller may change what was granted while the token stays the same, and `Api.identify` says it.
    """

    needs: Mapping[str, tuple[str, ...]]
    optional: frozenset[str] = frozenset()
    without: Mapping[str, Callable[[Step], Step]] = field(default_factory=dict)
    told: Callable[[Send, str], Granted | None] = tells_nothing
    may_change: bool = False

    def of(self, steps: Iterable[Step]) -> tuple[str, ...]:
        """What these steps cannot do without."""
        return tuple(dict.fromkeys(right for step in steps for right in self._of_step(step)))

    def used_by(self, entity: Entity) -> tuple[str, ...]:
        """What an entity needs, and what brings it more: a right that is new is a reason to read it again."""
        brings = (name for name, changed in self.without.items() if any(changed(s) != s for s in entity.steps))
        return tuple(dict.fromkeys((*self.of(entity.steps), *brings)))

    def readable(self, entities: Sequence[Entity], granted: Granted | None) -> bool:
        """Whether anything can be read at all. What only follows another entity asks for nothing itself."""
        own = [entity for entity in entities if self.of(entity.steps)]
        return not own or any(not missing_rights(self.of(entity.steps), granted) for entity in own)

    def as_granted(self, entity: Entity, granted: Granted | None) -> tuple[Entity, tuple[str, ...]]:
        """The entity as it is read with what was granted, and the rights without which it is not read at all.

        Of the objects that webhooks named, those that may not be read are left out: the others are not to wait.
        """
        steps = tuple(step for step in entity.steps if self._is_asked(step, granted))
        for right in missing_rights(self.without, granted):
            steps = tuple(self.without[right](step) for step in steps)
        missing = tuple(missing_rights(self.of(steps), granted))
        if entity.name == CHANGES:
            steps = tuple(step for step in steps if not missing_rights(self._of_step(step), granted))
            missing = ()
        return (entity if steps == entity.steps else replace(entity, steps=steps)), missing

    def _of_step(self, step: Step) -> tuple[str, ...]:
        is_needed = isinstance(step, Reading) and step.name not in self.optional
        return self.needs[step.name] if is_needed else ()

    def _is_asked(self, step: Step, granted: Granted | None) -> bool:
        if step.name not in self.optional:
            return True
        return granted is not None and not missing_rights(self.needs[step.name], granted)


def missing_rights(wanted: Iterable[str], granted: Granted | None) -> list[str]:
    """Those that are wanted and were not granted. None: the platform does not tell, and none is known to be missing."""
    return [] if granted is None else [right for right in wanted if right not in held(granted)]


def right_missing(rights: Iterable[str]) -> Fatal:
    named = ", ".join(rights)
    return Fatal(f"not granted: {named}", code=RIGHT_MISSING, facts={"right": named})
