"""The connection to a Ray cluster. The only module that imports Ray, and only once it is asked for."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cnnbuild.errors import RunError, UsageError
from cnnbuild.studies.executors.assignment import Assignment
from cnnbuild.studies.executors.node_work import work_on_node
from cnnbuild.studies.executors.placement import Need, Room, rooms_of
from cnnbuild.studies.executors.requests import NodeWord

if TYPE_CHECKING:
    from ray import ObjectRef

ANSWER_SECONDS = 10.0
INSTALL = "--executor ray needs Ray: pip install 'cnnbuild[ray]'"


class RayCluster:
    """A cluster: the one at an address, else one that runs on this machine, else one begun for this study."""

    def __init__(self, address: str | None) -> None:
        """Connect.

        Raises:
            UsageError: Ray is not installed, or no cluster answers at the address.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported
        try:
            import ray
        except ImportError:
            raise UsageError(INSTALL) from None
        self._was_connected = ray.is_initialized()
        self.notes: tuple[str, ...] = ()
        if not self._was_connected:
            self._connect(address or os.environ.get("RAY_ADDRESS"))

    def _connect(self, address: str | None) -> None:
        import ray

        try:
            if address is not None:
                require_answer(address)
                _init(address)
                return
            try:
                _init("auto")
            except ConnectionError:
                _init(None)
                self.notes = ("no Ray cluster runs on this machine: one of this machine alone was started",)
        except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            where = f"the Ray cluster at {address} does not answer" if address else "Ray cannot be started"
            raise UsageError(f"{where}: {str(error).strip().splitlines()[0]}") from None

    def rooms(self) -> tuple[Room, ...]:
        """The living nodes.

        Raises:
            RunError: the cluster is gone.
        """
        import ray

        nodes: Callable[[], list[Mapping[str, object]]] = ray.nodes  # Ray says nothing of what it gives
        with _told_of_loss():
            return rooms_of(nodes())

    def submit(self, assignment: Assignment, need: Need, *, name: str) -> ObjectRef[NodeWord]:
        """Hand an attempt to the cluster, once and not again.

        Raises:
            RunError: the cluster is gone.
        """
        import ray

        with _told_of_loss():
            task = ray.remote(_task).options(
                name=name,
                num_cpus=need.cpus,
                num_gpus=need.gpus,
                memory=need.memory_bytes,
                max_retries=0,
                scheduling_strategy="SPREAD",
            )
            return task.remote(assignment)

    def ended(
        self, refs: Sequence[ObjectRef[NodeWord]], seconds: float
    ) -> Iterator[tuple[ObjectRef[NodeWord], NodeWord | Exception]]:
        """The tasks that ended, each with what it gave or with Ray's exception, waiting `seconds` for one.

        Raises:
            RunError: the cluster is gone.
        """
        import ray

        if not refs:
            time.sleep(seconds)
            return
        with _told_of_loss():
            ray.wait(list(refs), num_returns=1, timeout=seconds)
            done, _ = ray.wait(list(refs), num_returns=len(refs), timeout=0)
        for ref in done:
            try:
                yield ref, ray.get(ref)
            except Exception as error:  # noqa: BLE001 - whatever it is, the run has ended with it
                yield ref, error

    def cancel(self, ref: ObjectRef[NodeWord], *, force: bool = False) -> None:
        """Take a task back; one that runs is interrupted, with `force` killed."""
        import ray

        with suppress(ray.exceptions.RayError, ValueError):  # it has ended meanwhile
            ray.cancel(ref, force=force)

    def close(self) -> None:
        """Leave the cluster, and end it where it was begun for this study."""
        import ray

        if not self._was_connected and ray.is_initialized():
            ray.shutdown()


def require_answer(address: str) -> None:
    """Do nothing if something listens at `host:port`; Ray itself would try for minutes.

    Raises:
        UsageError: nothing does, or the address has another form.
    """
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not port.isdigit() or "/" in host:
        raise UsageError(f"RAY_ADDRESS is the host and port of the cluster's head, or auto, not '{address}'")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"the Ray cluster at {address} does not answer: {error}") from None


def _task(assignment: Assignment) -> NodeWord:
    """What runs in Ray's process on the node."""
    import ray

    return work_on_node(assignment, place=ray.get_runtime_context().get_node_id()[:8])


def _init(address: str | None) -> None:
    """Connect, or start a cluster of this machine; the process keeps its own answers to signals."""
    import ray

    own = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Ray, about its own futures
            ray.init(
                address=address,
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in own.items():
                signal.signal(number, handler)


@contextmanager
def _told_of_loss() -> Iterator[None]:
    import ray

    try:
        yield
    except (ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RunError(
            f"the Ray cluster is gone ({first}); finished runs are kept: start it again later"
        ) from error
