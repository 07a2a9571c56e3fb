"""Only one of Valkey and Postgres hands out a scope's slots, by lease."""

import time

import pytest

from execution.budget.pacing import LEASE_S, Pacer
from tests.budget.test_second_budget import gone, sends
from tests.doubles.clocks import HandClock


def lease_over(db, ago="2.1 seconds"):
    db.execute("update private.api_budgets set valkey_until = clock_timestamp() - %s::interval", (ago,))


def move_lease(valkey, ends_in_s):
    """Let Valkey's lease end then, by its own clock."""
    server, _ = valkey.get("keeper:{s}:lease").split()
    valkey.set("keeper:{s}:lease", server + b" %d" % ((time.time() + ends_in_s) * 1e6))


class Asked:
    """The database's functions, and the names of those that were called."""

    def __init__(self, rpc):
        self._rpc, self.functions = rpc, []

    def rpc(self, function, /, **args):
        self.functions.append(function)
        return self._rpc.rpc(function, **args)


def test_postgres_paces_only_when_the_lease_and_its_slots_are_over(rpc, valkey, db):
    """Valkey dies in mid lease: nobody gets a slot of Postgres until every slot of Valkey's has been used."""
    sends(Pacer(rpc, valkey, HandClock()), 3, per_second=5)
    without = Pacer(rpc, None, HandClock())

    at_once = without.slot("s", per_second=5, safety_margin=0.2)
    lease_over(db, "1 second")
    slots_out = without.slot("s", per_second=5, safety_margin=0.2)
    lease_over(db)
    afterwards = without.slot("s", per_second=5, safety_margin=0.2)

    assert [slot.booked for slot in (at_once, slots_out, afterwards)] == [False, False, True]
    assert LEASE_S < at_once.wait_s <= LEASE_S + 2
    assert 0 < slots_out.wait_s <= 1


def test_valkey_begins_when_postgres_slots_are_used(rpc, valkey, db):
    """Valkey comes back: its first slot is not before the last that Postgres handed out."""
    moments, _ = sends(Pacer(rpc, None, HandClock()), 6, per_second=5)

    back = Pacer(rpc, valkey, HandClock()).slot("s", per_second=5, safety_margin=0.2)

    assert not back.booked
    assert time.monotonic() + back.wait_s >= moments[-1] - 0.05


def test_the_others_wait_once_one_has_the_lease(rpc, valkey, db):
    """One process paces by Valkey again: those that still believe it away get nothing of Postgres meanwhile."""
    Pacer(rpc, valkey, HandClock()).slot("s", per_second=5, safety_margin=0.2)

    assert not Pacer(rpc, gone(), HandClock()).slot("s", per_second=5, safety_margin=0.2).booked


def test_another_server_has_no_lease(rpc, valkey, db):
    """A lease that was restored from a file, or replicated, names the server that it was granted to: not this one."""
    pacer = Pacer(rpc, valkey, HandClock())
    sends(pacer, 3, per_second=5)
    _, till = valkey.get("keeper:{s}:lease").split()
    valkey.set("keeper:{s}:lease", b"0123456789abcdef " + till)

    slot = pacer.slot("s", per_second=5, safety_margin=0.2)

    assert not slot.booked
    assert 1.5 < slot.wait_s <= 2.1


def test_a_lease_counts_from_before_the_question(rpc, valkey, db):
    """However long the answer takes on its way: the lease in Valkey never ends after the one in Postgres."""
    before = time.time()
    Pacer(rpc, valkey, HandClock()).slot("s", per_second=5, safety_margin=0.2)

    till = int(valkey.get("keeper:{s}:lease").split()[1]) / 1e6
    granted = db.execute("select extract(epoch from valkey_until)::float from private.api_budgets").fetchone()[0]

    assert before + LEASE_S - 0.1 <= till <= granted


def test_who_asked_early_and_takes_late_forgets_no_slots(rpc, valkey, db):
    """Two saw no lease. One has it and has booked ahead: the other's late grant changes nothing, its slots stand."""
    late, quick = Pacer(rpc, valkey, HandClock()), Pacer(rpc, valkey, HandClock())
    asked_at = int(time.time() * 1e6)
    booked, _ = sends(quick, 100, per_second=5)
    lease_over(db, "1 hour")

    late._take_lease("s", asked_at, state_kept=False)

    slot = late.slot("s", per_second=5, safety_margin=0.2)
    assert time.monotonic() + slot.wait_s > max(booked)


def test_a_renewal_that_arrives_after_a_loss_is_none(rpc, valkey):
    """FLUSHALL while Postgres is asked for more time: whoever comes next asks anew, quiet until slots are used."""
    pacer = Pacer(rpc, valkey, HandClock())
    booked, _ = sends(pacer, 100, per_second=5)
    valkey.flushall()

    pacer._take_lease("s", int(time.time() * 1e6), state_kept=True)

    slot = pacer.slot("s", per_second=5, safety_margin=0.2)
    assert not slot.booked
    assert time.monotonic() + slot.wait_s > max(booked)


def test_a_lease_is_renewed_before_it_lapses(rpc, valkey, db):
    """A busy scope never falls silent: with less than two seconds left, the next slot renews it."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.slot("s", per_second=50, safety_margin=0.2)
    server, till = valkey.get("keeper:{s}:lease").split()
    valkey.set("keeper:{s}:lease", server + b" %d" % (int(till) - 3_200_000))

    slot = pacer.slot("s", per_second=50, safety_margin=0.2)

    assert slot.booked
    assert int(valkey.get("keeper:{s}:lease").split()[1]) > int(till) - 100_000


@pytest.mark.parametrize("ends_in_s", [-1, 3600])
def test_a_lease_that_is_over_is_none(rpc, valkey, db, ends_in_s):
    """It has lapsed, or Valkey's clock went back: what Postgres handed out since then is used before Valkey's next."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.slot("s", per_second=5, safety_margin=0.2)
    move_lease(valkey, ends_in_s)
    lease_over(db)
    moments, _ = sends(Pacer(rpc, None, HandClock()), 6, per_second=5)

    slot = pacer.slot("s", per_second=5, safety_margin=0.2)

    assert not slot.booked
    assert time.monotonic() + slot.wait_s >= moments[-1] - 0.05


@pytest.mark.parametrize("ends_in_s", [-1, 3600])
def test_a_late_grant_is_taken_where_nobody_has_a_lease(rpc, valkey, ends_in_s):
    """What another one took meanwhile has lapsed, or lies in a future that a clock left: the grant stands."""
    pacer = Pacer(rpc, valkey, HandClock())
    pacer.slot("s", per_second=5, safety_margin=0.2)
    move_lease(valkey, ends_in_s)
    now_us = int(time.time() * 1e6)

    pacer._take_lease("s", now_us, state_kept=False)

    assert int(valkey.get("keeper:{s}:lease").split()[1]) == now_us + LEASE_S * 1e6


def test_what_a_lost_state_left_behind_is_forgotten(rpc, valkey):
    """A file of long ago was restored: neither its slots nor its buckets count, but what the platform said does."""
    state = ("used", "points", "points-unsettled", "calls", "calls-unsettled")
    for name in (*state, "hold", "limit"):
        valkey.set(f"keeper:{{s}}:{name}", "1", px=60_000)

    Pacer(rpc, valkey, HandClock())._take_lease("s", int(time.time() * 1e6), state_kept=False)

    assert [name for name in state if valkey.exists(f"keeper:{{s}}:{name}")] == []
    assert valkey.exists("keeper:{s}:hold", "keeper:{s}:limit", "keeper:{s}:lease") == 3


def test_a_quiet_time_does_not_shorten_a_pause(rpc, valkey, db):
    """The platform asked for a minute, and two seconds of quiet come with a lease: the minute stands."""
    pacer = Pacer(rpc, valkey, HandClock())
    sends(Pacer(rpc, None, HandClock()), 6, per_second=5)
    pacer.hold("s", 60)

    slot = pacer.slot("s", per_second=5, safety_margin=0.2)

    assert not slot.booked
    assert slot.wait_s > 50


def test_a_fresh_lease_costs_no_trip(rpc, valkey):
    """Postgres is asked for a lease once, not with every slot."""
    asked = Asked(rpc)
    pacer = Pacer(asked, valkey, HandClock())

    sends(pacer, 20, per_second=50)

    assert asked.functions == ["lease_pacing"]
