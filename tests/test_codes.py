"""Programs act on codes, people read sentences: nothing looks into a sentence, and every code has words for sellers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from execution.backfill_manager import OUTCOME_WORDS, QueueOutcome
from execution.catalog import PLATFORMS
from execution.errors import Fatal, KeeperError, Retriable, Skip, Snooze, StoreError, UserError
from execution.seller_messages import MESSAGES, OTHER, Speaker, message_of
from execution.store import stable_word
from web.messages import CONNECT_PROBLEMS, WAITS

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "supabase" / "schemas"
# What a vendor says is classified in its platform's own module, once; these are sentences of ours.
COLUMNS = {"seller_message", "park_reason", "status_reason"}
SENTENCES = {"message", "reason"} | COLUMNS
# What ends a job: at once, or when it is said again.
ENDINGS = ("Fatal", "Refusal")
SEARCHES = {"search", "match", "fullmatch", "findall", "finditer"}
LOOKS = {"startswith", "endswith", "lower", "casefold", "partition", "rpartition", "split", "find", "index", "count"}


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def looks_into_a_sentence(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Attribute(attr=sentence), attr=attr) if (
                attr in LOOKS and sentence in SENTENCES
            ):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr=attr), args=[*args]) if attr in SEARCHES and any(
                _is_sentence(arg) for arg in args
            ):
                yield node.lineno
            case ast.Compare(left=left, comparators=[right]) if not _is_nothing(right):
                if _is_sentence(left) or _is_sentence(right):
                    yield node.lineno


def _is_sentence(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name):
            return name in SENTENCES
        case ast.Name(id=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            # A column, or what a function was given under the name of one.
            return name in COLUMNS
        case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id=name)]):
            return name in ("error", "signal", "failure")
        case _:
            return False


def _is_nothing(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in (None, "")


def test_nobody_looks_into_a_sentence_to_decide_something() -> None:
    found = [f"{path}:{line}" for path, tree in modules("execution", "web") for line in looks_into_a_sentence(tree)]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        'if error.message.endswith("unknown_currency"): pass',
        'word = "other" if "must not mix" in error.message else "refused"',
        'if "refused" in str(error): pass',
        'if signal.reason == "the worker is stopping": pass',
        'if job["park_reason"] == "throttled": pass',
        "if DAY.search(park_reason): pass",
        'if re.search("used up", job["park_reason"]): pass',
    ],
)
def test_a_planted_look_into_a_sentence_is_found(planted: str) -> None:
    assert list(looks_into_a_sentence(ast.parse(planted))) == [1]


def fatal_calls() -> Iterator[tuple[str, str, set[str]]]:
    """Where a job is failed: the name of its text, and the names of the facts that come with it."""
    for path, tree in modules("execution"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ENDINGS:
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                code, facts = given.get("words", given.get("code")), given.get("facts")
                if isinstance(code, ast.Constant):
                    names = facts.keys if isinstance(facts, ast.Dict) else []
                    yield (
                        f"{path}:{node.lineno}",
                        str(code.value),
                        {str(name.value) for name in names if isinstance(name, ast.Constant)},
                    )


def speaker_at(where: str) -> Speaker:
    """The platform whose package this place is in; elsewhere one that has no words of its own."""
    package = re.match(r"execution/platforms/(\w+)/", where)
    return PLATFORMS[package[1]] if package else Plain()


def verdicts() -> Iterator[tuple[str, str]]:
    """Where an answer ends a job: the name of the text."""
    for path, tree in modules("execution/platforms"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "verdict":
                words = [arg.value for arg in node.args[2:4] if isinstance(arg, ast.Constant)]
                if words:
                    yield f"{path}:{node.lineno}", str(words[-1])


def test_every_answer_that_ends_a_job_has_words_for_sellers() -> None:
    found = list(verdicts())
    assert len(found) > 10
    for where, words in found:
        speaker = speaker_at(where)
        assert words in speaker.seller_messages or words in MESSAGES, where


def test_no_text_of_a_platforms_own_is_never_told() -> None:
    result = {words for _, words in verdicts()} | {code for _, code, _ in fatal_calls()} | {"not_your_shop"}
    for platform in PLATFORMS.values():
        assert platform.seller_messages.keys() <= result | CONNECT_PROBLEMS.keys(), platform.name


def test_every_code_that_fails_a_job_has_words_for_sellers() -> None:
    calls = list(fatal_calls())
    assert len(calls) > 5
    for where, code, names in calls:
        status_now = message_of(Fatal("x", code=code, facts=dict.fromkeys(names, "that")), speaker_at(where))
        assert status_now != OTHER, where
        assert "{" not in status_now, where


class Plain:
    """A platform without words of its own."""

    title = "Elsewhere"
    seller_messages: Mapping[str, str] = {}


class Own:
    """A platform with words of its own."""

    title = "Elsewhere"
    seller_messages = {"gone": "{platform} has lost {what}.", "kept": "{platform} keeps it."}  # noqa: RUF012


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (Fatal("x", code="reconnect_needed"), "Elsewhere no longer accepts our access. Please reconnect your shop."),
        (Fatal("x", code="kept"), "Elsewhere keeps it."),
        (Fatal("x", code="gone", facts={"what": "a shop"}), "Elsewhere has lost a shop."),
        (Fatal("x", code="gone"), OTHER),
        (Fatal("x", code="gone", words="kept"), "Elsewhere keeps it."),
        (Fatal("x", code="nobody_knows"), OTHER),
    ],
)
def test_a_platforms_own_words_go_before_ours(signal: Fatal, words: str) -> None:
    assert message_of(signal, Own()) == words


def codes_given() -> set[str]:
    """Every code that execution gives anything."""
    found = {
        node.value.value
        for _, tree in modules("execution")
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant)
    }
    return found | {words for _, words in verdicts()}


def test_words_for_waits_stand_for_codes_that_jobs_are_parked_with() -> None:
    assert codes_given() >= WAITS.keys()


def test_every_ending_has_a_code() -> None:
    signals = [Retriable("x"), Skip("x"), Snooze("x", timedelta(), code="y"), Fatal("x", code="z")]
    assert [signal.code for signal in signals] == ["try_again", "gone", "y", "z"]
    assert [error.code for error in (KeeperError("x"), UserError("x", code="y"))] == ["", "y"]


@pytest.mark.parametrize(
    ("sqlstate", "message", "word"),
    [
        ("PT404", "unknown_user", "unknown_user"),
        ("PT422", "receipt_id: missing", ""),
        ("23505", "duplicate", ""),
        ("", "lease_lost", ""),
    ],
)
def test_a_word_is_what_our_own_functions_raise(sqlstate: str, message: str, word: str) -> None:
    assert stable_word(sqlstate, message) == word


def test_a_store_error_without_a_word_is_known_by_its_sqlstate() -> None:
    assert StoreError("x", sqlstate="23505").code == "23505"


_SENTENCE = re.compile(r"""(hint\s*=\s*|\bis\s+)?'([A-Z](?:[^']|'')* (?:[^']|'')*[.!])'""")


def sentences_for_sellers(text: str) -> list[str]:
    """What SQL says in whole sentences, less what engineers read: hints of errors, and comments."""
    code = re.sub(r"--[^\n]*", "", text)
    return [said for engineers, said in _SENTENCE.findall(code) if not engineers]


def test_no_sentence_for_sellers_stands_in_sql() -> None:
    found = {path.name: sentences_for_sellers(path.read_text(encoding="utf-8")) for path in SCHEMAS.rglob("*.sql")}
    assert {name: said for name, said in found.items() if said} == {}


def test_a_planted_sentence_in_sql_is_found() -> None:
    planted = "perform private.end_job(job, 'failed', 'gone', p_reason, 'Your shop is gone. Connect again.', null);"
    assert sentences_for_sellers(planted) == ["Your shop is gone. Connect again."]
    assert sentences_for_sellers("raise exception using message = 'gone', hint = 'Connect the platform first.';") == []


def test_what_becomes_of_a_queued_entity_is_a_code_with_words() -> None:
    assert set(get_args(QueueOutcome)) == OUTCOME_WORDS.keys()
    assert all(re.fullmatch("[a-z_]+", outcome) for outcome in OUTCOME_WORDS)
