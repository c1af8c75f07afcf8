"""`serve` from the outside: PostgreSQL, the migration, the sockets, the workers, and their end.

    supervisor ──┬── postgres             unless a database is configured
                 ├── child migrate        once, before the workers
                 └── child worker × N     each with a listening socket of its own

The order of a start: bind the address (a port in use must fail before anything is touched),
start PostgreSQL, migrate, listen, start the workers. The order of an end: no new connections,
workers (they finish what they have begun), then PostgreSQL, which they need until then.

**Sockets.** All workers listen on one address by SO_REUSEPORT; the kernel spreads connections
over them. The option has a price: a second server on the same port would not fail, but take half
of the connections. So we first bind without it. The supervisor keeps every socket open while
a dead worker is replaced, so that connections wait in its queue rather than being refused.

**Life and death.** Each child has a session of its own, so Ctrl-C in a terminal reaches only the
supervisor, which ends the others in order. When the supervisor itself is killed the kernel ends
them (`bound_to_parent`). A child that dies is started again, after a pause that doubles with
each early death. Everything happens in the main thread, woken by signals and by the pipes on
which workers say that they serve.

Standard library only: this process holds nothing but its children.
"""

from __future__ import annotations

from contextlib import ExitStack

from apserver.cures import pasteable
from apserver.errors import ApserverError, ConfigProblem
from apserver.store.embedded import EmbeddedPostgres
from apserver.supervisor.children import end, ending, spawn
from apserver.supervisor.crew import Crew
from apserver.supervisor.plan import EX_CONFIG, EX_OK, EX_REFUSED, Plan
from apserver.supervisor.signals import Signals
from apserver.supervisor.sockets import bind

__all__ = ["Plan", "run"]

MIGRATION_GRACE_S = 5.0


def run(plan: Plan) -> int:
    """Serve until a signal says stop; gives the exit code. Call it in the main thread.

    0 after SIGTERM, SIGINT or SIGHUP; 1 when refused (port or data folder in use); 78 for a
    configuration that cannot be used, also when a child says so. Reasons go to `plan.log`.
    Children read one JSON object on standard input. Both roles: `settings` (the text given),
    `program`, `dsn`, `workers` (how many). Workers: `socket_fd` (listening), `port`, `ready_fd`
    (write one byte "1" when serving), `worker` (from 0).
    """
    with Signals.caught() as signals:
        try:
            return _run(plan, signals)
        except KeyboardInterrupt:
            return EX_OK
        except ApserverError as error:
            plan.log(f"apserver: {pasteable(str(error), plan.program)}")
            return EX_CONFIG if isinstance(error, ConfigProblem) else EX_REFUSED


def _run(plan: Plan, signals: Signals) -> int:
    with ExitStack() as stack:
        sockets = bind(
            plan.listen_host, plan.listen_port, count=plan.workers, data_dir=plan.data_dir
        )
        for bound in sockets:
            stack.callback(bound.close)
        server = None
        dsn = plan.database_url
        if not dsn:
            server = EmbeddedPostgres(
                plan.data_dir,
                max_connections=plan.max_connections,
                log=lambda line: plan.log(f"apserver: {line}"),
            )
            stack.callback(server.stop, hurry=signals.are_impatient)
            server.start(wait_for_lock_s=plan.wait_for_lock_s)
            dsn = server.dsn
        code = _migrate(plan, dsn)
        if code != EX_OK:
            return code
        crew = Crew(plan, dsn, sockets=sockets, server=server, signals=signals)
        stack.callback(crew.stop)
        return crew.serve()


def _migrate(plan: Plan, dsn: str) -> int:
    process = spawn(plan, "migrate", {"dsn": dsn, "workers": plan.workers})
    try:
        code = process.wait()
    except BaseException:
        end([process], grace_s=MIGRATION_GRACE_S, hurry=lambda: False)
        raise
    if code != EX_OK:
        plan.log(f"apserver: the migration {ending(code)}; the server is not started")
    return code if code in (EX_OK, EX_CONFIG) else EX_REFUSED
