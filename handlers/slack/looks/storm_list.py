"""All accounts of a storm as a table for any spreadsheet: whose login, which account, how it stands, where to log in."""

import csv
from collections.abc import Sequence
from io import StringIO

from bot.words.connection import Status
from bot.words.facts import OutageFacts, StormAccount
from bot.words.listing import cell
from bot.words.voice import File
from handlers.words import Words


def storm_list(facts: OutageFacts, accounts: Sequence[StormAccount], words: Words) -> File:
    title = words.many(
        "{n} {platform} account of this message",
        "{n} {platform} accounts of this message",
        len(accounts),
        platform=facts.platform_name,
    )
    told = StringIO()
    writer = csv.writer(told, lineterminator="\r\n")
    writer.writerow(["account", "name", "login", "status", "reauthorize"])
    for each in accounts:
        link = facts.start_url.removesuffix(facts.outage.id) + each.outage_id if each.lost else ""
        shown = each.account_id, each.account, each.login, words.status(_status(each)), link
        writer.writerow([cell(text) for text in shown])
    # With a byte order mark, or Excel takes it for another encoding.
    data = told.getvalue().encode("utf-8-sig")
    return File(f"redkey-{facts.outage.id}.csv", title, alt="", legend=title, data=data, media="text/csv")


def _status(account: StormAccount) -> Status:
    if account.lost:
        return Status.AUTHORIZATION_REQUIRED
    return Status.CONNECTED if account.over else Status.CATCHING_UP
