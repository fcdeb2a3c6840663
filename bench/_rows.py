"""The rows below a memory: what is measured begins with more of them than could be made one by one."""

from bot.memory.memory import Tx
from storage.connections import ConnectionRows
from storage.transaction import Transaction


def rows(tx: Tx) -> Transaction:
    assert isinstance(tx.connections, ConnectionRows)
    return tx.connections._tx  # noqa: SLF001
