"""Wake-ups between replicas on Postgres: Procrastinate jobs, enqueued in the transaction that makes a row due.

A job carries nothing but "something of this kind is due". What it is, who may do it and when to try again stands in our
rows, so a job that is lost, late or run twice does no harm: docs/decisions/0008-replicas.md.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, AppNotOpen, ConnectorException, UniqueViolation
from procrastinate.jobs import DeleteJobCondition, Status
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.memory.memory import Work

log = structlog.get_logger()

QUEUE = "redkey"
TASK = "wake"
BEAT = 5.0  # seconds between a listener's heartbeats
STALLED_AFTER = 20  # seconds without one: its jobs go to somebody else
LOOK_EVERY = 1.0  # seconds: what is handed on is not notified
AGAIN_AFTER = 1.0  # seconds, when the database was gone

# It tells of every job at INFO; we tell of the work instead.
logging.getLogger("procrastinate").setLevel(logging.WARNING)


class Jobs:
    """Implements storage.sql_memory.WakeUps."""

    def __init__(self, url: URL) -> None:
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        named = {"application_name": "redkey wake-ups"}
        self._connector = PsycopgConnector(conninfo=address, min_size=2, max_size=2, timeout=10.0, kwargs=named)
        self._app = App(connector=self._connector)

    async def enqueue(self, connection: AsyncConnection, due: Mapping[str, Work]) -> None:
        """In the caller's transaction: it is heard if that is committed, and only then.

        The key is the queueing lock: what waits to be heard already is not said again. Postgres answers a repetition with an
        error, hence the savepoint; always in the same order, so that two transactions cannot wait for each other.
        """
        driver = (await connection.get_raw_connection()).driver_connection
        for key, work in sorted(due.items()):
            job = self._app.configure_task(TASK, queue=QUEUE, queueing_lock=key, connection=driver)
            try:
                async with connection.begin_nested():
                    await job.defer_async(work=work.value)
            except AlreadyEnqueued:
                continue

    async def listen(self, wake: Callable[[Work], None]) -> None:
        """Hear wake-ups until cancelled; each is heard by one replica. A database that is gone is waited for."""
        app = App(connector=self._connector)

        async def heard(work: str) -> None:
            wake(Work(work))

        app.task(name=TASK, queue=QUEUE)(heard)
        this = asyncio.current_task()
        # Its pool and its worker may take a cancellation for a fault of their own, hence the question.
        while this is not None and not this.cancelling():
            try:
                await app.open_async()
                await app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=4,
                    fetch_job_polling_interval=LOOK_EVERY,
                    delete_jobs=DeleteJobCondition.ALWAYS,
                    install_signal_handlers=False,
                    update_heartbeat_interval=BEAT,
                    stalled_worker_timeout=STALLED_AFTER,
                    shutdown_graceful_timeout=1.0,
                )
            except Exception as error:  # noqa: BLE001
                # Whatever it is, hearing must not stop for good. The ticks go on, so work is only found a little later.
                log.warning("wake-ups are not heard for a moment", why=type(error).__name__)
            finally:
                await self._connector.close_async()  # also one that was only half open
            await asyncio.sleep(AGAIN_AFTER)

    async def sweep(self) -> None:
        """Jobs whose listener died are handed to another, or dropped where the same was said again since."""
        jobs = self._app.job_manager
        try:
            for job in await jobs.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED_AFTER):
                try:
                    await jobs.retry_job(job)
                except UniqueViolation:
                    await jobs.finish_job(job, Status.SUCCEEDED, delete_job=True)
        except (AppNotOpen, ConnectorException, psycopg.Error) as error:
            log.info("stalled wake-ups are looked for later", why=type(error).__name__)
