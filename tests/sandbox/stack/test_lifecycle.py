"""`keeper up` starts, tells, stops, dies and recovers."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from sandbox.stack import Extra, NotInstalled, Stack, StackError, programs
from sandbox.stack.ports import PortBook
from sandbox.stack.processes import Child, Program, clear_leftovers, leftovers
from tests.sandbox.stack.conftest import until

KEYS = {
    "SUPABASE_SERVICE_ROLE_KEY",
    "SUPABASE_ANON_KEY",
    "SUPABASE_SECRET_KEY",
    "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_JWT_SECRET",
    "TOKEN_KEYS",
    "WEBHOOK_SECRET",
}
ALL = KEYS | {"SUPABASE_URL", "REDIS_URL", "DATABASE_URL", "KEEPER_ENVIRONMENT"}


def _run_sql(env, statement):
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        return connection.execute(statement)


def _count(env):
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        return connection.execute("select count(*) from notes").fetchone()[0]


def test_a_second_start_has_the_data_and_the_keys_of_the_first(up, tmp_path):
    """Also Valkey's; and after SIGTERM no process of the stack is left."""
    first = up(tmp_path / "data")
    before = first.ready()
    _run_sql(before, "insert into notes values (7)")
    with redis.Redis.from_url(before["REDIS_URL"]) as valkey:
        valkey.set("kept", "yes")
    assert first.stop()[0] == 0
    assert leftovers(first.data) == []

    after = up(tmp_path / "data").ready()

    assert {name: after[name] for name in KEYS} == {name: before[name] for name in KEYS}
    assert _count(after) == 1
    with redis.Redis.from_url(after["REDIS_URL"]) as valkey:
        assert valkey.get("kept") == b"yes"


def test_two_stacks_run_side_by_side(up, tmp_path):
    one, two = up(tmp_path / "one"), up(tmp_path / "two")
    envs = one.ready(), two.ready()

    _run_sql(envs[0], "insert into notes values (1)")

    assert [_count(env) for env in envs] == [1, 0]
    assert not KEYS & {name for name in KEYS if envs[0][name] == envs[1][name]}


def test_print_env_prints_the_environment_and_nothing_else(up, tmp_path):
    one = up(tmp_path / "data", "--print-env")
    env = one.ready()
    pids = leftovers(one.data)

    status, out, err = one.stop(signal.SIGINT)

    assert dict(line.split("=", 1) for line in out.splitlines()) == env
    assert set(env) == ALL
    assert (status, "1_notes" in err, len(pids)) == (0, True, 4)


def test_ctrl_c_reaches_the_supervisor_alone(up, tmp_path):
    """A terminal sends it to the whole group: children in it would die in no order."""
    one = up(tmp_path / "data")
    one.ready()

    groups = {os.getpgid(pid) for pid in leftovers(one.data)}

    assert len(groups) == 4
    assert os.getpgid(one.process.pid) not in groups


def test_json_prints_one_object(up, tmp_path):
    one = up(tmp_path / "data", "--json")
    env = one.ready()

    facts = json.loads(one.stop()[1])

    assert facts["env"] == env
    assert set(facts["pids"]) == {"postgres", "postgrest", "valkey", "gateway"}


def test_a_running_stack_is_told_of_not_started_again(up, tmp_path):
    """With --print-env its environment and exit 0, else one line and exit 2; the running one is not disturbed."""
    one = up(tmp_path / "data")
    env = one.ready()

    result = up(tmp_path / "data", "--print-env").end()
    refused = up(tmp_path / "data").end()

    assert (result[0], dict(line.split("=", 1) for line in result[1].splitlines())) == (0, env)
    assert (refused[0], refused[1]) == (2, "")
    assert refused[2].count("\n") == 1
    assert f"already runs on {one.data} (process {one.process.pid})" in refused[2]
    assert _count(env) == 0


def test_secrets_are_readable_by_their_owner_only(up, tmp_path):
    one = up(tmp_path / "data")
    one.ready()

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [one.data, *one.data.iterdir()]}

    assert (modes["env"], modes["keys.json"], modes["run"], modes["data"]) == (0o600, 0o600, 0o700, 0o700)
    assert one.stop()[0] == 0
    assert not (one.data / "env").exists()


def test_what_a_migration_revoked_stays_revoked(tmp_path):
    """What hosted Supabase brings is given once, not again at every start."""
    revokes = """revoke usage on schema public from public, anon;
                 alter default privileges in schema public revoke all on tables from anon;"""
    with Stack(tmp_path / "data", durable=False).running() as stack:
        _run_sql(stack.env, revokes)

    with Stack(tmp_path / "data", durable=False).running() as stack:
        _run_sql(stack.env, "create table public.later (id int)")
        question = (
            "select has_schema_privilege('anon', 'public', 'usage'), has_table_privilege('anon', 'later', 'select')"
        )
        with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
            assert connection.execute(question).fetchone() == (False, False)


def test_after_kill_9_no_process_stays_and_the_next_start_recovers(up, tmp_path):
    one = up(tmp_path / "data")
    _run_sql(one.ready(), "insert into notes values (1)")

    one.process.kill()
    one.process.wait()

    until(lambda: leftovers(one.data) == [], seconds=5)
    assert _count(_ready_again(up, one)) == 1


def test_a_start_waits_for_a_database_that_is_still_there(up, tmp_path):
    """The supervisor is killed, its database hangs on: the next start waits, and has the data."""
    one = up(tmp_path / "data", "--json")
    _run_sql(one.ready(), "insert into notes values (1)")
    postmaster = int((one.data / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)
    one.process.kill()
    until(lambda: leftovers(one.data) == [postmaster])

    next_one = up(one.data)
    until(lambda: (one.data / "lock").read_text().strip() == str(next_one.process.pid))
    os.kill(postmaster, signal.SIGCONT)
    until(lambda: not _alive(postmaster))

    assert _count(next_one.ready()) == 1


def test_a_start_survives_a_database_killed_outright(up, tmp_path):
    """postmaster.pid and shared memory of the dead one are in the way of nobody."""
    one = up(tmp_path / "data")
    _run_sql(one.ready(), "insert into notes values (1)")
    postmaster = int((one.data / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(one.process.pid, signal.SIGSTOP)
    os.kill(postmaster, signal.SIGKILL)
    one.process.kill()
    one.process.wait()

    assert (one.data / "postgres" / "postmaster.pid").exists()
    assert _count(_ready_again(up, one)) == 1


def sleeping(seconds, log, data):
    """A child that sleeps already: while it becomes the program, the kernel shows no environment to know it by."""
    child = Child(Program(name="sleeper", argv=["/bin/sleep", str(seconds)], log=log), data)
    until(lambda: Path(f"/proc/{child.pid}/cmdline").read_bytes().startswith(b"/bin/sleep\0") and leftovers(data))
    return child


def test_a_start_waits_until_leftovers_are_gone(tmp_path):
    """Two Valkeys must not write one file."""
    data = tmp_path / "data"
    data.mkdir()
    leftover = sleeping(2, tmp_path / "log", data)

    with Stack(data, durable=False).running():
        assert leftover.exit_status == 0


def test_leftovers_that_stay_are_killed_and_nobody_else(tmp_path):
    ours, other = tmp_path / "data", tmp_path / "data2"
    stubborn, stranger = (sleeping(60, tmp_path / f"{data.name}.log", data) for data in (ours, other))
    assert leftovers(ours) == [stubborn.pid]

    clear_leftovers(ours, time.sleep, patience_s=0.1)

    until(lambda: stubborn.exit_status is not None)
    assert (stubborn.exit_status, stranger.exit_status) == (-signal.SIGKILL, None)
    stranger.stop(5)


def _ready_again(up, one):
    (one.data / "env").unlink(missing_ok=True)
    return up(one.data).ready()


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("started", ["initdb", "valkey", "postgres", "postgrest", "gateway"])
def test_a_signal_in_the_middle_of_a_start_leaves_no_process(up, tmp_path, started):
    one = up(tmp_path / "data", "--print-env")
    until((one.data / "logs" / f"{started}.log").exists)

    status, out, _ = one.stop()

    assert leftovers(one.data) == []
    assert (status, out) == (128 + signal.SIGTERM, "") or (status == 0 and "SUPABASE_URL" in out)
    assert one.data.joinpath("keys.json").exists()


def test_a_start_after_one_that_was_cut_off_succeeds(up, tmp_path):
    """Half an initdb is not taken for a database."""
    one = up(tmp_path / "data")
    until((one.data / "postgres.new").exists)
    one.process.kill()

    assert _count(_ready_again(up, one)) == 0


def test_a_second_signal_kills_at_once(up, tmp_path):
    """The database hangs, so that the first signal's orderly stop would take long."""
    one = up(tmp_path / "data")
    one.ready()
    postmaster = int((one.data / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)

    one.process.send_signal(signal.SIGTERM)
    until(lambda: len(leftovers(one.data)) == 1)
    status, _, _ = one.stop()

    assert status == 128 + signal.SIGTERM
    until(lambda: leftovers(one.data) == [], seconds=5)


def test_when_a_child_dies_the_stack_says_which_and_stops(up, tmp_path):
    one = up(tmp_path / "data", "--json")
    one.ready()
    valkey = next(pid for pid in leftovers(one.data) if "valkey-server" in Path(f"/proc/{pid}/cmdline").read_text())

    os.kill(valkey, signal.SIGKILL)
    status, _, err = one.end()

    assert status == 1
    assert "valkey ended by itself" in err
    assert "Ready to accept connections" in err
    assert leftovers(one.data) == []


def test_a_failing_migration_is_one_line_and_stops_the_stack(up, tmp_path, migrations):
    (migrations / "2_wrong.sql").write_text("\nselect 1;\nselect nonsense;\n")

    one = up(tmp_path / "data", "--print-env")
    status, out, err = one.end()

    assert (status, out) == (2, "")
    assert '2_wrong.sql, line 3: column "nonsense" does not exist' in err.splitlines()[-1]
    assert leftovers(one.data) == []


def test_a_file_in_the_way_of_the_folder_is_one_line(up, tmp_path):
    (tmp_path / "data").write_text("not a folder")

    status, out, err = up(tmp_path / "data").end()

    assert (status, out, "cannot be used as the data folder" in err) == (2, "", True)


def test_a_missing_postgrest_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "_CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(NotInstalled, match="npm ci"):
        programs.postgrest()


def test_ports_lost_to_others_are_replaced(tmp_path, bare, monkeypatch):
    """Between our look at a port and the program's bind somebody takes it: another port is tried."""
    taken = int(bare.env["SUPABASE_URL"].rsplit(":", 1)[1])
    picked: list[str] = []
    pick = PortBook.pick

    def lose_the_first(self, name):
        picked.append(name)
        return taken if picked.count(name) == 1 else pick(self, name)

    monkeypatch.setattr(PortBook, "pick", lose_the_first)

    with Stack(tmp_path / "data", durable=False).running() as stack:
        assert _run_sql(stack.env, "select 1").rowcount == 1
        assert stack.env["SUPABASE_URL"] != bare.env["SUPABASE_URL"]
    assert {name: picked.count(name) for name in picked} == {"valkey": 2, "postgres": 2, "postgrest": 2, "gateway": 1}


def test_an_extra_program_joins_its_environment(tmp_path):
    code = """if True:
        import json, os, sys, time
        json.dump({"env": {"X_URL": os.environ["SUPABASE_URL"]}}, open(sys.argv[1], "w"))
        time.sleep(99)
    """
    extra = Extra(name="extra", argv=(sys.executable, "-c", code, "{ready_file}"))

    with Stack(tmp_path / "data", durable=False, extras=[extra]).running() as stack:
        assert stack.env["X_URL"] == stack.env["SUPABASE_URL"]
        assert "extra" in stack.pids
    assert leftovers(stack.data) == []


def test_an_extra_program_that_fails_fails_the_start(tmp_path):
    extra = Extra(name="extra", argv=(sys.executable, "-c", "raise SystemExit('no such shop')"))

    with (
        pytest.raises(StackError, match=r"extra ended(?s:.*)no such shop"),
        Stack(tmp_path / "data", durable=False, extras=[extra]).running(),
    ):
        pytest.fail("it started")
    assert leftovers(tmp_path / "data") == []
