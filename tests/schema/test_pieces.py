"""Questions over a whole shop in pieces say what one piece says, also where rows come and go between two of them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from execution.schema.migration_files import FOLDER as MIGRATIONS
from execution.schema.sql_text import statements
from tests.schema.jobworld import call, claim, complete, queue, refusal
from tests.worlds.users import make_seller

COLUMNS = "connection_id, user_id, platform, platform_id"
LANDED = "raw, source_updated_at, fetched_at, content_hash, sync_run_id"
SIZES = (1, 2, 3, 7, 100)
AUDIT = {"p_stream": "receipts", "p_table": "orders", "p_time_column": "ordered_at", "p_newest": "a7"}
SWEEP = {"p_stream": "receipts", "p_table": "orders", "p_time_column": "", "p_last_pass": False,
         "p_children": {"line_items": "order_platform_id"}, "p_always_allowed": 2, "p_max_share": 0.0}  # fmt: skip
PROOFS = {
    "etsy": ("line_items", "balance", "new_balance", "references", "buyers"),
    "shopify": ("line_items", "refunds", "journals"),
    "printify": ("lines",),
    "square": ("payments", "refunds", "payout_entries", "categories", "variants", "counts"),
}
# Asked at once: they count a job's pages, and locations.
AT_ONCE = {"square": ("order_locations", "payment_locations", "payout_locations")}
CUT = {"lineItems": {"pageInfo": {"hasNextPage": True}}}
REFUNDED = {"refunds": [{"id": "r1", "updatedAt": "2026-01-01T00:00:00Z"}, {"id": "r9"}]}


def put(db, job, table, key, raw=None, **columns):
    named = {**columns, "connection_id": job["connection_id"], "user_id": job["user_id"], "platform": job["platform"],
             "platform_id": key, "raw": Jsonb(raw or {}), "source_updated_at": "2026-01-01", "fetched_at": "2026-01-01",
             "content_hash": 0, "sync_run_id": job["run_id"]}  # fmt: skip
    names, marks = ", ".join(named), ", ".join(["%s"] * len(named))
    db.execute(f"insert into public.{table} ({names}) values ({marks})", list(named.values()))


def entry(db, job, number, balance, amount=10):
    put(db, job, "payments", f"e{number}", sequence_number=number // 2, entry_type="x", currency="USD",
        entry_amount=amount,
        balance_amount=balance, occurred_at="2026-01-01", reference_type=("receipt", "transaction", None)[number % 3],
        order_platform_id="a1" if number % 4 == 0 else None)  # fmt: skip


def order(db, job, number, **columns):
    """Every tenth day, and one that comes long after."""
    day = 10 * number if number < 7 else 300
    named = {"ordered_at": "2025-01-01T00:00:00Z", "currency": "USD"}
    if job["platform"] != "printify":
        named["total_amount"] = 1
    put(db, job, "printify_orders" if job["platform"] == "printify" else "orders", f"a{number}", **{**named, **columns})
    table = "printify_orders" if job["platform"] == "printify" else "orders"
    db.execute(f"update public.{table} set ordered_at = ordered_at + %s * interval '1 day' where platform_id = %s"
               " and connection_id = %s", [day, f"a{number}", job["connection_id"]])  # fmt: skip


def page(db, job, seq, keys, *, number_of_pass=1, stream="receipts"):
    db.execute(
        "insert into public.sync_pages (job_id, seq, page_id, connection_id, user_id, platform, entity, stream,"
        " part, pass,"
        " position, keys, created, updated, unchanged, stale, rejected, fetched_at, answer)"
        " values (%s, %s, gen_random_uuid(), %s, %s, %s, 'orders', %s, 0, %s, 0, %s, 0, 0, 0, 0, 0,"
        " now(), '{}')",
        [job["id"], seq, job["connection_id"], job["user_id"], job["platform"], stream, number_of_pass, keys],
    )


@pytest.fixture
def job_of(clean, db):
    """A leased job of a platform; its shop is still empty."""

    def made(platform="etsy"):
        user = make_seller(db, platform)
        queue(db, user, (platform, "orders"))
        job = claim(db)
        db.execute("update public.sync_jobs set window_start = '2020-01-01', window_end = now()")
        return db.execute("select to_jsonb(j) from public.sync_jobs as j where id = %s", [job["id"]]).fetchone()[0]

    return made


def fill_square(db, job):
    """Of each proof seven rows, and something that it counts."""
    usd, at = {"currency": "USD"}, {"paid_out_at": "2026-01-01"}
    for n in range(1, 8):
        put(
            db,
            job,
            "tenders",
            f"t{n}",
            order_platform_id=f"a{n}",
            payment_platform_id=f"p{n}",
            tendered_at=f"2026-01-0{n}",
        )
        if n not in {2, 5}:
            put(db, job, "order_payments", f"p{n}", order_platform_id=f"a{n}", paid_at=f"2026-01-0{n}",
                raw={"refund_ids": [f"r{n}", f"x{n}"]}, **usd)  # fmt: skip
        put(
            db,
            job,
            "payment_refunds",
            f"r{n}",
            payment_platform_id=f"p{n}",
            refund_amount=1,
            refunded_at="2026-01-01",
            **usd,
        )
        put(db, job, "payouts", f"o{n}", status="paid", payout_amount=10, **usd, **at)
        put(db, job, "payout_entries", f"e{n}", payout_platform_id=f"o{n}", net_amount=10 if n != 4 else 9, **usd)
        put(db, job, "catalog_items", f"i{n}", category_platform_id=f"c{n}")
        put(db, job, "catalog_categories", f"c{n + 1}")
        put(db, job, "catalog_variations", f"v{n}", item_platform_id=f"i{n}" if n != 3 else "i3x")
        put(db, job, "inventory_counts", f"v{n}:l:s", variation_platform_id=f"v{n + 2}")


def fill(db, job):
    """Something wrong of every kind."""
    if job["platform"] == "square":
        fill_square(db, job)
        return
    printed = job["platform"] == "printify"
    for number in range(1, 8):
        raw = CUT if number in {2, 5} else REFUNDED if number == 3 else None
        order(db, job, number, raw=raw, **({} if printed else {"buyer_platform_id": f"b{number % 5}"}))
    for at, number in enumerate((1, 1, 2, 4, 4, 7, 6)):
        key = "l6" if number == 6 else f"l{number}{at}"
        put(db, job, "printify_line_items" if printed else "line_items", key, order_platform_id=f"a{number}",
            quantity=1,
            currency="USD",
                **({"cost_amount": 5 if number > 2 else None} if printed else {"price_amount": 1}))  # fmt: skip
    if not printed:
        put(db, job, "order_refunds", "r1", order_platform_id="a3", currency="USD", refunded_at="2026-01-01",
            refund_amount=1,
            raw={"refundLineItems": {"pageInfo": {"hasNextPage": True}}})  # fmt: skip
        for number in (0, 2, 3):
            put(db, job, "customers", f"b{number}")
        for number, balance in enumerate((10, 20, 30, 50, 60, 70, 90, 100)):
            entry(db, job, number, balance)
    page(db, job, 0, ["a1", "a2", "a3", "gone1"])
    page(db, job, 1, ["a3", "a4", "a5", "a7", "zz", "rejected:x"], number_of_pass=1)
    page(db, job, 2, ["a1", "a2", "a4", "a5", "a7"], number_of_pass=2)
    page(db, job, 3, [f"e{number}" for number in range(2, 8)], stream="ledger_entries")
    db.execute(
        "insert into public.rejected_records (connection_id, user_id, platform, entity, stream, shape, run_id,"
        " platform_id,"
        " reason, sqlstate, raw, fetched_at) values (%s, %s, %s, 'orders', 'receipts', 'receipts', %s, 'zz',"
        " 'r', 'x', 'y',"
        " now())",
        [job["connection_id"], job["user_id"], job["platform"], job["run_id"]],
    )


def missed_before(db, job):
    """Another run missed all of its orders."""
    db.execute("insert into private.missing_records (connection_id, table_name, platform_id, run_id, seen_at)"
               " select connection_id, 'orders', platform_id, gen_random_uuid(), now() from public.orders"
               " where connection_id = %s", [job["connection_id"]])  # fmt: skip


def asked(db, function, rows, between=lambda _: None, **arguments):
    """The last answer, and how many pieces it took. `between` is told how many pieces there were so far."""
    rest: dict[str, Any] = {}
    for at in range(1, 100):
        answer = call(db, function, **arguments, p_rest=rest, p_rows=rows)
        if "rest" not in answer:
            return answer, at
        # As it goes through a worker and the job's cursor.
        rest = json.loads(json.dumps(answer["rest"]))
        between(at)
    raise AssertionError("it never ends")


@pytest.mark.parametrize(("platform", "name"), [(p, n) for p, names in PROOFS.items() for n in names])
def test_a_proof_in_pieces_says_what_one_says(db, job_of, platform, name):
    job = job_of(platform)
    fill(db, job)
    given = {"p_lease_id": job["lease_id"], "p_name": name}
    whole = call(db, "prove", **given)

    pieces = [asked(db, "prove", rows, **given) for rows in SIZES]

    assert [answer for answer, _ in pieces] == [whole] * len(SIZES)
    assert pieces[0][1] > pieces[1][1] > 1
    assert pieces[-1][1] == 1
    # Something was found: an answer of zeros would be the same in any number of pieces.
    assert any(whole["detail"].values())


def test_every_proof_there_is_is_held_against_its_pieces(db):
    """A new one is found here."""
    there = [
        name for (name,) in db.execute("select proname from pg_proc where proname like 'prove\\_%\\_%'").fetchall()
    ]

    known = {f"prove_{p}_{n}" for listed in (PROOFS, AT_ONCE) for p, names in listed.items() for n in names}
    assert {n for n in there if n != "prove_job"} == known


def test_an_audit_in_pieces_says_what_one_says(db, job_of):
    job = job_of()
    fill(db, job)
    given = {"p_lease_id": job["lease_id"], **AUDIT}
    whole = call(db, "audit_read", **given)

    pieces = [asked(db, "audit_read", rows, **given) for rows in SIZES]

    assert [answer for answer, _ in pieces] == [whole] * len(SIZES)
    # Of nine keys, one is kept aside and two are nowhere; a3 was not in the last pass.
    assert {n: whole[n] for n in ("union_keys", "last_pass_keys", "rejected", "missing_rows", "stored_rows")} == {
        "union_keys": 9, "last_pass_keys": 5, "rejected": 1, "missing_rows": 2, "stored_rows": 7}  # fmt: skip
    assert whole["has_newest"]
    assert whole["largest_gaps"][0]["seconds"] == 240 * 86400
    assert (whole["earliest"][:10], whole["latest"][:10]) == ("2025-01-11", "2025-10-28")
    assert whole["median_gap_seconds"] == pytest.approx(10 * 86400, rel=0.01)


def test_keys_of_which_nothing_landed_are_counted_in_pieces_too(db, job_of):
    """The table is empty: it is the keys that came which make the question long."""
    job = job_of()
    page(db, job, 0, [f"k{number}" for number in range(20)])

    answer, pieces = asked(db, "audit_read", 2, p_lease_id=job["lease_id"], **AUDIT)

    assert (answer["union_keys"], answer["missing_rows"]) == (20, 20)
    assert pieces == 10


def test_of_what_is_found_the_first_five_are_told_whatever_the_pieces(db, job_of):
    job = job_of()
    for number in range(1, 10):
        order(db, job, number, buyer_platform_id=f"b{number}")
    for number in range(1, 10, 2):
        put(db, job, "customers", f"c{number}")
    for number in range(9):
        entry(db, job, number, 1000 * number)

    for name, firsts in (("buyers", "first_missing"), ("balance", "first_breaks")):
        given = {"p_lease_id": job["lease_id"], "p_name": name}
        told = [asked(db, "prove", rows, **given)[0]["detail"][firsts] for rows in SIZES]
        assert [len(one) for one in told] == [5] * len(SIZES), name
        assert told[0] == told[-1], name


@pytest.mark.parametrize("most", [1, 2, 20])
def test_a_sweep_in_pieces_takes_what_one_takes(db, job_of, most):
    """And all are counted before one goes: a brake leaves every row where it was."""
    answers, left = [], []
    job = job_of()
    fill(db, job)
    missed_before(db, job)
    for rows in (None, *SIZES):
        with db.transaction(force_rollback=True):
            answers.append(
                asked(db, "sweep_gone", rows, p_lease_id=job["lease_id"], **{**SWEEP, "p_always_allowed": most})[0]
            )
            (rows_left,) = db.execute(
                "select array_agg(platform_id || is_deleted order by platform_id) from (select platform_id, is_deleted"
                " from public.orders union all select platform_id, is_deleted from public.line_items) as r"
            ).fetchone()
            left.append(rows_left)

    wanted = {"gone": 1, "held_back": 0, "stored": 7, "missing": 0}
    assert answers == [wanted] * len(answers)
    assert all(one == left[0] for one in left)
    # What went, with its children: nobody read the sixth order.
    assert {key for key in left[0] if key.endswith("true")} == {"a6true", "l6true"}
    with db.transaction(force_rollback=True):
        db.execute("update public.sync_pages set keys = '{a1}'")
        held = [asked(db, "sweep_gone", rows, p_lease_id=job["lease_id"], **SWEEP)[0] for rows in (None, *SIZES)]
        (gone,) = db.execute("select count(*) from public.orders where is_deleted").fetchone()
    assert ([one["held_back"] for one in held], gone) == ([6] * len(held), 0)


def test_what_is_missed_for_the_first_time_stays(db, job_of):
    """In one piece or many; and once more by the same run is no second sighting."""
    job = job_of()
    fill(db, job)

    answers = [asked(db, "sweep_gone", rows, p_lease_id=job["lease_id"], **SWEEP)[0] for rows in (None, *SIZES)]

    assert answers == [{"gone": 0, "held_back": 0, "stored": 7, "missing": 1}] * len(answers)
    assert db.execute("select platform_id, again_at, gone_at from private.missing_records").fetchall() == [
        ("a6", None, None)
    ]


def test_never_do_more_go_than_were_counted(db, job_of):
    """Rows that land after the count were never weighed against the brake."""
    job = job_of()
    fill(db, job)

    def land(at):
        if at == 7:
            for number in range(10, 14):
                order(db, job, number)
            db.execute("delete from private.missing_records")
            missed_before(db, job)

    missed_before(db, job)
    answer, _ = asked(db, "sweep_gone", 1, land, p_lease_id=job["lease_id"], **SWEEP)

    assert answer["held_back"] > 0
    assert db.execute("select count(*) from public.orders where is_deleted").fetchone()[0] <= 1


def test_a_link_between_two_pieces_is_held_though_an_entry_comes_in_between(db, job_of):
    """Entry 3 is missing. Were the next piece held against what has come, nobody would look at the link before it."""
    job = job_of()
    for number, balance in ((2, 10), (4, 20), (10, 60), (12, 70)):
        entry(db, job, number, balance)

    def land(at):
        if at == 2:
            entry(db, job, 8, 50)

    answer, _ = asked(db, "prove", 1, land, p_lease_id=job["lease_id"], p_name="balance")

    assert not answer["ok"]
    assert answer["detail"]["first_breaks"][0]["entry"] == "e8"


def test_a_record_that_was_missing_is_missed_whatever_comes_behind(db, job_of):
    """Each key is judged once, with the rows of that moment, and no key is left out when rows come and go."""
    job = job_of()
    fill(db, job)

    def come_and_go(at):
        order(db, job, 10 + at)
        if at == 2:
            db.execute("update public.orders set is_deleted = true where platform_id = 'a4'")

    answer, _ = asked(db, "audit_read", 2, come_and_go, p_lease_id=job["lease_id"], **AUDIT)

    assert (answer["union_keys"], answer["missing_rows"]) == (9, 2)


def test_a_buyer_whose_customer_is_not_there_is_missed_in_whatever_piece(db, job_of):
    job = job_of()
    fill(db, job)

    answer, _ = asked(db, "prove", 1, lambda at: order(db, job, 20 + at, buyer_platform_id="b0"),
                      p_lease_id=job["lease_id"], p_name="buyers")  # fmt: skip

    assert answer["detail"]["missing"] == 2
    assert answer["detail"]["first_missing"] == ["b1", "b4"]


def test_a_piece_is_refused_to_who_has_lost_the_lease(db, job_of):
    job = job_of()
    fill(db, job)
    rest = call(db, "audit_read", p_lease_id=job["lease_id"], **AUDIT, p_rest={}, p_rows=1)["rest"]
    db.execute("update public.sync_jobs set lease_id = gen_random_uuid()")

    for function, arguments in (("audit_read", AUDIT), ("sweep_gone", SWEEP), ("prove", {"p_name": "line_items"})):
        assert refusal(db, function, p_lease_id=job["lease_id"], **arguments, p_rest=rest, p_rows=1) == "lease_lost"


def test_a_verification_in_pieces_says_what_one_says(db, job_of):
    job = job_of()
    fill(db, job)
    lease = {"p_lease_id": job["lease_id"]}
    apart = [asked(db, "audit_read", 1, **lease, **AUDIT)[1]]
    apart += [asked(db, "prove", 1, **lease, p_name=name)[1] for name in ("line_items", "balance")]
    complete(db, job["lease_id"])
    given = {"p_user_id": job["user_id"], "p_connection_id": job["connection_id"], "p_entity": "orders",
             "p_proofs": "{line_items,balance}", **{n: v for n, v in AUDIT.items() if n != "p_newest"}}  # fmt: skip
    whole = call(db, "verify_completed", **given)

    pieces = [asked(db, "verify_completed", rows, **given) for rows in SIZES]

    assert [answer for answer, _ in pieces] == [whole] * len(SIZES)
    assert whole["audit"]["missing_rows"] == 2
    assert [proof["name"] for proof in whole["proofs"]] == ["line_items", "balance"]
    # Each question in its own pieces; the last of one and the first of the next are one call.
    assert pieces[0][1] == sum(apart) - 2


def test_a_verification_begins_again_with_a_new_certificate(db, job_of):
    """What was found out about an older reading is no part of an answer about this one."""
    job = job_of()
    fill(db, job)
    complete(db, job["lease_id"])
    given = {"p_user_id": job["user_id"], "p_connection_id": job["connection_id"], "p_entity": "orders",
             "p_proofs": "{line_items}", **{n: v for n, v in AUDIT.items() if n != "p_newest"}}  # fmt: skip

    def read_anew(at):
        if at == 3:
            queue(db, job["user_id"], ("etsy", "orders"), again=True)
            lease = str(uuid.uuid4())
            assert claim(db, lease) is not None
            complete(db, lease)

    answer, _ = asked(db, "verify_completed", 1, read_anew, **given)

    # The new job has read no page.
    assert (answer["audit"]["union_keys"], answer["audit"]["stored_rows"]) == (0, 7)


def test_costs_in_steps_are_what_one_step_makes_and_the_clock_goes_on(db, job_of, request):
    """Whoever set the rule died after some steps; the clock finishes what is left."""
    rule = db.execute("select cost_covers from private.cost_rules where source = 'printify'").fetchone()[0]
    request.addfinalizer(lambda: db.execute("update private.cost_rules set cost_covers = %s", [rule]))
    job = job_of("printify")
    fill(db, job)
    db.execute("update public.printify_line_items set quantity = 3, cost_amount = 5")

    def production():
        return dict(db.execute("select source_id, production_amount from public.order_costs").fetchall())

    by_piece = production()
    call(db, "set_cost_rule", p_source="printify", p_cost_covers="line")
    assert call(db, "finish_work", p_name="rebuild", p_rows=2) == 1
    half = production()
    while call(db, "keep_house", p_rows=1)["unfinished"]:
        pass

    assert by_piece != half != production()
    assert {key: amount // 3 for key, amount in by_piece.items()} == production()
    assert db.execute("select count(*) from private.unfinished_work").fetchone() == (0,)


def test_a_currency_is_stated_in_steps_and_the_last_word_holds(db, job_of):
    """Said once more in the middle: from the beginning, with what was said last."""
    job = job_of("printify")
    fill(db, job)
    given = {"p_user_id": job["user_id"], "p_connection_id": job["connection_id"]}
    db.execute("update public.connected_accounts set stated_currency = 'EUR'")
    assert call(db, "finish_work", p_name="restate", p_rows=3) == 1
    db.execute("update public.connected_accounts set stated_currency = 'CAD'")
    while call(db, "finish_work", p_name="restate", p_rows=3):
        pass
    rows = "select distinct currency, currency_assumed from public.printify_{}"
    found = [db.execute(rows.format(table)).fetchall() for table in ("orders", "line_items")]
    costs = db.execute("select distinct currency from public.order_costs").fetchall()

    assert (found, costs) == ([[("CAD", False)]] * 2, [("CAD",)])
    assert call(db, "state_currency", **given, p_currency="EUR") == 0
    assert db.execute(rows.format("orders")).fetchall() == [("EUR", False)]


def test_the_rows_of_an_account_are_in_one_currency_whoever_changed_it(db, job_of):
    """Connected anew under another assumption, or a statement taken back: what is here takes the account's."""
    job = job_of("printify")
    fill(db, job)
    rows = "select distinct currency, currency_assumed from public.printify_{}"

    def found():
        while call(db, "keep_house", p_rows=1)["unfinished"]:
            pass
        return [db.execute(rows.format(table)).fetchall() for table in ("orders", "line_items")]

    db.execute("update public.connected_accounts set currency = 'GBP'")
    assumed = found()
    db.execute("update public.connected_accounts set stated_currency = 'CAD'")
    stated = found()
    db.execute("update public.connected_accounts set stated_currency = null")
    taken_back = found()

    assert assumed == taken_back == [[("GBP", True)]] * 2
    assert stated == [[("CAD", False)]] * 2


def test_accounts_that_were_left_in_two_currencies_are_mended(db, job_of):
    """The migration's own statement: what was stated wrongly had become dollars, of an account in euros."""
    job = job_of("printify")
    db.execute("update public.connected_accounts set currency = 'EUR'")
    fill(db, job)
    db.execute("delete from private.unfinished_work")
    db.execute("update public.printify_orders set currency = 'USD' where platform_id < 'a4'")
    (begin,) = [
        statement
        for path in MIGRATIONS.glob("*_rows_are_in_their_accounts_currency.sql")
        for statement in statements(path.read_text())
        if statement.tokens[0].lower() == "select"
    ]

    db.execute(" ".join(begin.tokens))
    while call(db, "keep_house", p_rows=3)["unfinished"]:
        pass

    assert db.execute("select distinct currency, currency_assumed from public.printify_orders").fetchall() == [
        ("EUR", True)
    ]
