"""`keeper user`: a tenant's life, beside what the command line itself has of users."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from execution import tenants, time_zones
from execution.backfill_manager import status
from execution.command_parts import Json, Platform, Shop, app
from execution.connections.choice import chosen
from execution.errors import UserError
from execution.reports.export import Export, stream, write
from execution.terminal import pour, progress_of, show

user = typer.Typer(help="Users of the product.", no_args_is_help=True)

_BY = "command"
UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id (a UUID).")]


@user.command("pause", short_help="Leave a user alone; nothing is lost.")
def user_pause(user_id: UserId, *, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """Leave a user alone, or some of the user's shops: nothing is read until `keeper user resume`.

    What is asked for meanwhile, and what webhooks tell, waits. A page in hand is dropped and fetched again later. Only
    a pair of tokens that would die of age is still renewed.
    """
    facts = tenants.pause(app(), user_id=user_id, platform=platform, shop_id=shop, by=_BY)
    show(facts, as_json=as_json, text=lambda told: f"Paused; {told['stopped']} jobs were under way and wait.")


@user.command("resume", short_help="Take up what was paused.")
def user_resume(user_id: UserId, *, platform: Platform = None, shop: Shop = None, as_json: Json = False) -> None:
    """Take up again what was paused, where it stood: the user with all shops, or some shops."""
    facts = tenants.resume(app(), user_id=user_id, platform=platform, shop_id=shop, by=_BY)
    show(facts, as_json=as_json, text=lambda told: f"Resumed; {told['queued']} jobs go on.")


@user.command("zone", short_help="Say in which time zone a shop's days begin.")
def user_zone(
    user_id: UserId,
    zone: Annotated[str, typer.Argument(help="Its IANA name, like Europe/Riga.")],
    *,
    platform: Platform = None,
    shop: Shop = None,
    since: Annotated[
        datetime | None, typer.Option(help="From then on (UTC); without it the shop's days always began there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say in which time zone a shop's days begin, where its platform tells none (Etsy, Printify).

    A printer's shop has that of the user's other shop until it has one of its own. What Shopify tells is Shopify's.
    """
    here = app()
    found = chosen(status(here.store, user_id), platform=platform, shop_id=shop)
    if len(found) != 1:
        raise UserError("Several shops could be meant:", hint="say which one with --platform and --shop.")
    when = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since
    connection = str(found[0]["connection_id"])
    facts = time_zones.say(here.store, user_id=user_id, connection_id=connection, zone=zone, since=when)
    show(facts, as_json=as_json, text=lambda told: f"The shop's days begin in {told['zone']}.")


@user.command("export", short_help="Write all that is held of a user.")
def user_export(
    user_id: UserId,
    folder: Annotated[str, typer.Argument(metavar="DIR|-", help="A folder, new or empty; - is standard output.")],
    *,
    as_json: Json = False,
) -> None:
    """Write all that is held of a user, a line of JSON a row: a file a table, a manifest.json with counts and hashes.

    To standard output it is one stream, whose last line is the manifest. No tokens, no secrets; docs/export.md has the
    shape. Rows are read in pages: each is as it stood between the manifest's begin and end.
    """
    here = app()
    status(here.store, user_id)
    export = Export(store=here.store, user_id=user_id, now=here.store.now)
    if folder == "-":
        pour(stream(export))
        return
    with progress_of("Exporting …") as told:
        manifest = write(export, Path(folder), told=told)
    show(manifest, as_json=as_json, text=_exported)


@user.command("delete", short_help="Delete a user in all stores, for good.")
def user_delete(
    user_id: UserId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nobody whether it is meant.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a user in all stores, for good: shops are disconnected, platforms told where they can be, every row goes.

    What stays names nobody: a digest of the id, so that no backup brings the user back, and the record of
    administrators. `tenant.deleted` is told when it is done. Offer `keeper user export` first.
    """
    here = app()
    shops = status(here.store, user_id)["connections"]
    if not yes:
        if not sys.stdin.isatty():
            raise UserError("Nothing was deleted: nobody can be asked.", hint="Say --yes where it is meant.")
        shown = ", ".join(f"{shop['platform']} {shop['shop_id']}" for shop in shops) or "no shop"
        if typer.prompt(f"This deletes the user and all of {shown}, for good. Type the user's id") != user_id:
            raise UserError("Nothing was deleted: that is another id.")
    with progress_of("Deleting …") as told:
        facts = tenants.delete(here, user_id=user_id, by=_BY, told=told)
    show(facts, as_json=as_json, text=_deleted)


@user.command("tombstones", short_help="Digests of all who were deleted.")
def user_tombstones(*, as_json: Json = False) -> None:
    """Digests of all who were deleted, one a line: keep the list beside backups, for `keeper user purge-tombstoned`."""
    facts = tenants.tombstones(app())
    show(facts, as_json=as_json, text=lambda told: "\n".join(f"{one['digest']} {one['deleted_at']}" for one in told))


@user.command("purge-tombstoned", short_help="Delete again whom a restored backup brought back.")
def user_purge_tombstoned(
    *,
    listed: Annotated[
        Path | None,
        typer.Option("--from", help="Who was deleted since: digests or ids, one a line; - is standard input."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete again all users who were deleted and are here all the same, because a backup was restored.

    A backup has the tombstones of its own time; those since then are in the list of `keeper user tombstones`, or in the
    `tenant.deleted` that the embedding service received: name it with --from.
    """
    facts = tenants.purge(app(), _digests(listed), by=_BY)
    show(facts, as_json=as_json, text=_purged)


def _digests(listed: Path | None) -> Sequence[str]:
    if listed is None:
        return ()
    try:
        text = sys.stdin.read() if str(listed) == "-" else listed.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{listed} cannot be read.", hint="Name a file with one id or digest a line.") from None
    return tenants.digests_in(text.splitlines())


def _exported(manifest: Mapping[str, Any]) -> str:
    rows = sum(one["rows"] for one in manifest["tables"])
    return f"{rows:,} rows of {sum(one['rows'] > 0 for one in manifest['tables'])} tables; manifest.json proves them."


def _deleted(told: Mapping[str, Any]) -> str:
    return f"Deleted, with {told['shops']} shops; {told['revoked']} platforms were told."


def _purged(told: Mapping[str, Any]) -> str:
    if not told["deleted"]:
        return "Nobody who was deleted is here."
    return "\n".join(f"deleted again: {one}" for one in told["deleted"])
