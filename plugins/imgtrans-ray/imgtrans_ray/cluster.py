"""The cluster: started on this machine or joined, what it has, and its end."""

import contextlib
import logging
import os
import secrets
import threading
from typing import Any

import psutil
import ray
from ray import exceptions

from imgtrans.errors import UnavailableError

# Frames lie in shared memory on their way; few are ever there, so that much would be for nothing.
LEAST_STORE, LARGEST_STORE = 200 << 20, 8 << 30
STORE_SHARE = 0.1  # of the memory that is free
# What a call of an actor ends with when its process, or the whole machine, is gone.
GONE = (
    exceptions.RayActorError,
    exceptions.NodeDiedError,
    exceptions.WorkerCrashedError,
    exceptions.OutOfMemoryError,
)
LOST = exceptions.ObjectLostError


class Cluster:
    """A connection to a cluster; closing it ends what was started for it.

    A program that is connected already shares its connection.

    Args:
        address: Of a cluster that is there, or ``auto``; "" starts one on this machine.

    Attributes:
        here: Whether it was started here.
        cpus: Cores that it has now, at least one.
        gpus: GPUs that it has now.
        nodes: Machines that it has now.

    Raises:
        UnavailableError: If there is none, or none can be started.
    """

    def __init__(self, address: str = "") -> None:
        self.here = not address
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        if not ray.is_initialized():
            self._connect(address)
        resources = ray.cluster_resources()
        self.cpus = max(1, int(resources.get("CPU", 1)))
        self.gpus = int(resources.get("GPU", 0))
        self.nodes = max(1, sum(1 for node in ray.nodes() if node["Alive"]))

    def close(self) -> None:
        """End it; every process that was started for it is gone then."""
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._thread = None

    def _connect(self, address: str) -> None:
        """Connect in a thread that stays until the end.

        Ray's processes end with the thread that has started them, should this process be killed; and signals are none
        of its business, which it takes over in the main thread.
        """
        connected, problems = threading.Event(), list[Exception]()

        def stay() -> None:
            try:
                _init(address)
            except Exception as error:
                problems.append(error)
                with contextlib.suppress(Exception):
                    ray.shutdown()
                return
            finally:
                connected.set()
            self._ended.wait()
            ray.shutdown()

        self._thread = threading.Thread(target=stay, name="ray", daemon=True)
        self._thread.start()
        try:
            connected.wait()
        except BaseException:
            self.close()
            raise
        if problems:
            reason = str(problems[0]).strip().splitlines() or [type(problems[0]).__name__]
            if address:
                raise UnavailableError(
                    f"there is no Ray cluster at {address!r}: {reason[0]}",
                    "ray start --head starts one; without -O ray.address it is started here",
                ) from problems[0]
            raise UnavailableError(f"Ray cannot be started here: {reason[0]}") from problems[0]


def _init(address: str) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    _hush()
    if address:
        ray.init(address, **quiet)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # nor can other users of this machine join in
    store = min(LARGEST_STORE, max(LEAST_STORE, int(STORE_SHARE * psutil.virtual_memory().available)))
    ray.init("local", include_dashboard=False, object_store_memory=store, **quiet)


def _hush() -> None:
    """Have Ray not print a page for each process that dies: that is told where the picture is that it had."""
    worker: Any = getattr(getattr(ray, "_private", None), "worker", None)
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *given, **named: None


def kill(actor: Any) -> None:
    """End an actor, whatever it is doing."""
    with contextlib.suppress(Exception):
        ray.kill(actor)


def failed_to_start(error: Exception) -> str:
    """Return why an actor could not even begin, its last line; "" if it had."""
    if not getattr(error, "actor_init_failed", False):
        return ""
    return str(error).strip().splitlines()[-1]
