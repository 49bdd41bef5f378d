"""Which networks a file holds: bare, under a name, under names within names, or side by side in one state dict."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from imgtrans.checkpoint.meaning import TensorInfo

Path = tuple[str, ...]
Networks = dict[str, dict[str, Path]]
_Weights = dict[str, Path]

_DEEPEST = 5
_LONGEST_NAME = 300
_WRAPPERS = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile
_COUNTERS = ("n_averaged",)  # of a moving average of a network
_COUNTED = ("total_ops", "total_params")  # what profilers (thop) leave in every module
_OPTIMISER = re.compile(r"(?:\w+_)?(?:opt|optim|optimi[sz]ers?|schedulers?|scalers?)(?:_\w+|\d*)", re.IGNORECASE)
# Names that people give to whole networks. A layer may be called d_conv or g1; it won't be called G_AB beside a D_A.
_GENERATOR = re.compile(r"(?:net_?)?(?:G|[Gg]en|[Gg]enerator)(?:_\w+|[A-Z0-9]\w*)?|net_?g|g(?:_\w+)?")
_DISCRIMINATOR = re.compile(
    r"(?:net_?)?(?:D|[Dd]isc?|[Dd]iscriminator|[Cc]ritic)(?:_\w+|[A-Z0-9]\w*)?|net_?d|d(?:_\w+)?"
)
_BETWEEN = ("_to_", "_2_", "2", "to", "To")  # as in A2B and B2A


class UnclearNameError(Exception):
    """A weight has a name that is no text."""


def networks_in(content: object) -> Networks:
    """Find the networks in a file's containers.

    A dict is a state dict if its values are tensors, or if at least one is a kernel; what it holds besides does
    not count. Dicts within dicts are looked through five levels deep, but for the state of optimisers. A state
    dict whose keys begin with the names of networks (``G_AB.``, ``D_A.``; see :func:`_split`) is several. From
    keys that all begin with ``module.`` or ``_orig_mod.``, those are taken off. What a profiler counted is left out.

    Args:
        content: Dicts and lists with a :class:`TensorInfo` in place of each tensor.

    Returns:
        For each network its weights' keys, and the path to each weight through the content. A network is called
        by the keys that lead to it, with dots between; "" if the file is nothing but its state dict.

    Raises:
        UnclearNameError: If weights have names that cannot be shown.
    """
    networks: Networks = {}
    for path, weights in _state_dicts(content):
        for name, own in _split(weights, content):
            networks.setdefault(".".join(filter(None, [*path, name])), own)
    return networks


def tensor_at(content: Any, path: Path) -> Any:
    """Return what lies at the end of a path through containers."""
    for name in path:
        content = content[name]
    return content


def is_optimiser(content: object) -> bool:
    """Whether a dict is the state of an optimiser."""
    return isinstance(content, Mapping) and {"state", "param_groups"} <= content.keys()


def optimisers_in(content: object) -> list[str]:
    """Return under which keys a dict holds the state of optimisers."""
    if not isinstance(content, Mapping):
        return []
    return [name for name, part in content.items() if is_optimiser(part) and _is_plain(name)]


def _state_dicts(content: object) -> Iterator[tuple[Path, _Weights]]:
    """Yield each state dict in containers with the path to it, outer before inner; no container is seen twice."""
    waiting: deque[tuple[Path, object]] = deque([((), content)])
    seen: set[int] = set()
    while waiting:
        path, level = waiting.popleft()
        if not isinstance(level, Mapping) or is_optimiser(level) or id(level) in seen:
            continue
        seen.add(id(level))
        tensors = {name: part for name, part in level.items() if isinstance(part, TensorInfo)}
        if tensors and ((not path and len(tensors) == len(level)) or any(map(_is_kernel, tensors.values()))):
            if not all(map(_is_plain, tensors)):
                raise UnclearNameError
            yield path, {name: (*path, name) for name, part in tensors.items() if not _is_counted(name, part)}
        if len(path) < _DEEPEST:
            waiting += [
                ((*path, name), part)
                for name, part in level.items()
                if isinstance(part, Mapping) and _is_plain(name) and not _OPTIMISER.fullmatch(name)
            ]


def _split(weights: _Weights, content: object, levels: int = _DEEPEST) -> list[tuple[str, _Weights]]:
    """Split a state dict by the first part of its keys, if these are networks and no layers.

    They are if at least two have kernels and are called as networks are, one of them a generator, or if two are
    called as the two directions of one translation (``A2B``, ``B2A``). A single first part that all keys share is
    taken for the network's name only if a network is called so (``netG.``) and dotted keys remain: ``model.1.weight``
    stays what it is.
    """
    weights = _unwrapped(weights)
    groups: dict[str, _Weights] = {}
    for name, path in weights.items():
        first, dot, rest = name.partition(".")
        if not dot:
            return [("", weights)]
        groups.setdefault(first, {})[rest] = path
    if len(groups) == 1:
        ((first, inner),) = groups.items()
        parts = _split(inner, content, levels - 1) if levels else []
        if any(name for name, _ in parts):
            return [(f"{first}.{name}", own) for name, own in parts]
        whole = _GENERATOR.fullmatch(first) or _DISCRIMINATOR.fullmatch(first)
        return [(first, _unwrapped(inner))] if whole and all("." in name for name in inner) else [("", weights)]
    networks = [
        first
        for first, group in groups.items()
        if sum(_is_kernel(tensor_at(content, path)) for path in group.values()) > 1
    ]
    generators = [first for first in networks if _GENERATOR.fullmatch(first)]
    discriminators = [first for first in networks if _DISCRIMINATOR.fullmatch(first)]
    if (generators and len(generators) + len(discriminators) > 1) or _are_directions(networks):
        return [(first, _unwrapped(group)) for first, group in groups.items()]
    return [("", weights)]


def _are_directions(names: list[str]) -> bool:
    """Whether two names are the two ways between the same two things."""
    for name in names:
        for between in _BETWEEN:
            there, _, back = name.partition(between)
            if there and back and there != back and f"{back}{between}{there}" in names:
                return True
    return False


def _unwrapped(weights: _Weights) -> _Weights:
    """Take off the prefixes that wrappers of modules put before every key, as often as they did."""
    while True:
        own = {name: path for name, path in weights.items() if name not in _COUNTERS}
        wrapper = next(
            (wrapper for wrapper in _WRAPPERS if own and all(name.startswith(wrapper) for name in own)), None
        )
        if wrapper is None:
            return weights
        weights = {name.removeprefix(wrapper): path for name, path in own.items()}


def _is_counted(name: str, tensor: TensorInfo) -> bool:
    return name.rpartition(".")[2] in _COUNTED and max(tensor.shape, default=1) == 1


def _is_kernel(tensor: object) -> bool:
    return isinstance(tensor, TensorInfo) and len(tensor.shape) >= 2 and "float" in tensor.kind


def _is_plain(name: object) -> bool:
    return type(name) is str and name.isprintable() and len(name) <= _LONGEST_NAME
