"""A network made ready to run, by the backend that is named or the fastest that can."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgtrans.errors import UnavailableError
from imgtrans.isolation.blame import blamed, part
from imgtrans.isolation.session import guarded
from imgtrans.protocols import Backend, Session
from imgtrans.registry import implementation, package_of, registered
from imgtrans.settings import configured

if TYPE_CHECKING:
    import torch
    from torch import nn

GROUP = "imgtrans.backends"
AUTO = "auto"
PREPARED, FUSED, PLAIN = "prepared", "fused", "eager"


@dataclass(frozen=True)
class Opened:
    """A network, ready.

    Attributes:
        session: It.
        backend: The name of what computes it.
        reason: Why it is not the fastest, in a sentence; "" if it is, or was named and is all it could be.
    """

    session: Session
    backend: str
    reason: str = ""


def check_backend(name: str) -> None:
    """Make sure that there is a backend of a name, or that it is ``auto``; nothing is loaded for it.

    Raises:
        UnavailableError: If there is none.
    """
    names = [one.name for one in registered(GROUP) if not one.left_out]
    if name not in (AUTO, *names):
        raise UnavailableError(f"there is no {name!r} among the backends: {', '.join(sorted(names))}", f"use {AUTO}")


def usual_precision(precision: str, backend: str) -> str:
    """Return the precision that is asked for; where nothing is, float32 is the one that a package's backend has."""
    return "float32" if precision == "auto" and package_of(GROUP, backend) else precision


def open_network(
    name: str,
    network: "nn.Module",
    device: "torch.device",
    precision: "torch.dtype",
    pixels: Callable[[], float] = lambda: math.inf,
    *,
    settings: Any = None,
) -> Opened:
    """Make a network ready on a device.

    Args:
        name: A backend's name, or ``auto`` for the fastest that can: ``prepared`` on a CPU, ``fused`` on a CUDA device,
            else ``eager``.
        network: The network; it is the backend's from then on.
        device: Where it computes.
        precision: In which it does.
        pixels: Tells how many there are in all that is to be computed: for few, ``auto`` waits for no compiler.
        settings: The options that a backend which is named has of its own, if any were given.

    Raises:
        UnavailableError: If there is no such backend, or it was named and cannot.
    """
    reason = ""
    if name == AUTO:
        try:
            if device.type == "cpu":
                return _opened(PREPARED, network, device, precision)
            if device.type == "cuda":
                fused = implementation(GROUP, FUSED)
                reason = fused.why_not(network, device, precision, pixels)
                if not reason:
                    opened = _opened(FUSED, network, device, precision)
                    reason = fused.why_slower(opened.session, network, device, precision, pixels)
                    if not reason:
                        return opened
        except UnavailableError as error:
            reason = error.message
        name = PLAIN
    return _opened(name, network, device, precision, reason, settings)


def _opened(
    name: str,
    network: "nn.Module",
    device: "torch.device",
    precision: "torch.dtype",
    reason: str = "",
    settings: Any = None,
) -> Opened:
    who = part(GROUP, name)
    with blamed(who):
        backend: Backend = configured(GROUP, name, settings)
        session = backend.open(network, device, precision)
    if who is not None and not callable(getattr(session, "run", None)):
        raise who.fault(f"opens {type(session).__name__} and no session")
    return Opened(guarded(session, who), name, reason or getattr(session, "reason", ""))


def describe_backend(name: str, reason: str) -> str:
    """Return a backend in words, with the reason why it is not the fastest, if there is one."""
    return f"{name} ({reason})" if reason else name
