"""From a file of weights to the one network that it holds, recognised by names and shapes."""

import shlex
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imgtrans import checkpoint
from imgtrans.errors import ModelError, PluginError, UsageError
from imgtrans.protocols import Explaining, Parameters, Reading, Recognition
from imgtrans.registry import PluginWarning
from imgtrans.zoo.architecture import architecture_called, architectures
from imgtrans.zoo.label import Label, label_of

CHANNEL_ORDERS = ("RGB", "BGR")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_OF_CARDS = ("value_range", "output_range", "channel_order")  # what is said of pictures, not of the network


@dataclass(frozen=True)
class Recognised:
    """A network in a file, and what it is.

    Attributes:
        network: Its name in the file; None if the file has but one.
        weights: Its state dict, as the file spells it.
        architecture: The name of the architecture that knows it.
        recognition: What that says of it.
        label: What the file says itself, where it does.
    """

    network: str | None
    weights: dict[str, Tensor]
    architecture: str
    recognition: Recognition
    label: Label | None = None

    @property
    def parameters(self) -> Parameters:
        """The network's parameters for a card, with what was assumed of them."""
        assumed = {key: value for key, value in self.recognition.assumed.items() if key not in _OF_CARDS}
        return {**self.recognition.parameters, **assumed}

    @property
    def value_range(self) -> tuple[float, float]:
        """Least and largest value of its pixels."""
        low, high = self.recognition.assumed.get("value_range", (-1.0, 1.0))
        return float(low), float(high)

    @property
    def output_range(self) -> tuple[float, ...]:
        """The same of those that come out, where it is another."""
        return tuple(float(end) for end in self.recognition.assumed.get("output_range", ()))

    @property
    def channel_order(self) -> str:
        """``RGB`` or ``BGR``."""
        return str(self.recognition.assumed.get("channel_order", "RGB"))

    def assuming(self, given: Mapping[str, str]) -> "Recognised":
        """Return it with other assumptions in place of some of its dialect's.

        Raises:
            UsageError: If one is not open to assumption, or cannot be true of the file.
        """
        assumed, chosen = dict(self.recognition.assumed), {}
        for key, text in given.items():
            if key not in assumed:
                raise UsageError(f"{key!r} is nothing to assume here", f"the file leaves open: {', '.join(assumed)}")
            chosen[key] = _parsed(key, text, assumed[key])
        return self.taking({**self._brought(chosen), **chosen})

    def taking(self, chosen: Parameters) -> "Recognised":
        """Return it with other assumptions, of which each is open; see :meth:`assuming`."""
        assumed = {**self.recognition.assumed, **chosen}
        changed = replace(self, recognition=replace(self.recognition, assumed=assumed))
        architecture = architecture_called(self.architecture)
        try:
            with torch.device("meta"):
                keys = architecture.build(changed.parameters).state_dict().keys()
        except ValueError as error:
            raise UsageError(str(error)) from error
        needed = {key for key in keys if not key.endswith("num_batches_tracked")}
        if other := needed ^ self.recognition.keys.keys():
            raise UsageError(f"the file cannot be so, for then it would have other weights ({min(other)})")
        return changed

    def _brought(self, chosen: Parameters) -> Parameters:
        """Return what an assumption brings with it: the rest of the first alternative that begins with it."""
        fitting = [
            one for one in self.recognition.alternatives if chosen.get(first := next(iter(one)), ()) == one[first]
        ]
        whole = [one for one in fitting if all(chosen.get(key, ()) == value for key, value in one.items())]
        return {} if whole or not fitting else fitting[0]


def recognise(path: Path, network: str = "") -> Recognised:
    """Return the network that a file holds.

    Args:
        path: A checkpoint.
        network: Which of its networks; needed where it has several that translate pictures.

    Raises:
        ModelError: If the file cannot be read, no architecture knows a network in it, or several fit.
    """
    if read := read_by_architecture(path):
        return read
    if label := label_of(path):
        return _labelled(path, label)
    networks = checkpoint.read_networks(path)
    network = _full_name(network, networks)
    if network:
        if network not in networks:
            raise ModelError(f"{path} has no network called {network!r}", f"it has: {', '.join(_described(networks))}")
        networks = {network: networks[network]}
    known = [found for name, weights in networks.items() if (found := _known(path, name, weights))]
    if not known:
        raise _unknown(path, networks)
    if len(known) > 1:
        raise ModelError(
            f"{path} holds several networks: {', '.join(_described(networks))}",
            f"choose one by name, as with --network {shlex.quote(known[0].network or '')}",
        )
    check_finite(path, known[0].weights)
    return replace(known[0], network=None) if len(networks) == 1 and not network else known[0]


def read_by_architecture(path: Path) -> Recognised | None:
    """Return the network of a file that an architecture reads itself; see :class:`imgtrans.protocols.Reading`.

    Raises:
        ModelError: If one does, but cannot use it.
    """
    for name, architecture in architectures().items():
        if isinstance(architecture, Reading):
            try:
                read = architecture.read(path)
            except PluginError as error:  # others may read the file
                warnings.warn(f"{path}: {error.message}", PluginWarning, stacklevel=2)
                continue
            if read is not None:
                weights = dict(read[0])
                check_finite(path, weights)
                return Recognised(None, weights, name, read[1])
    return None


def _labelled(path: Path, label: Label) -> Recognised:
    """Return the network of a file that says itself what it is."""
    weights, card = checkpoint.read_weights(path), label.card
    if missing := {*label.keys.values()} - weights.keys():
        raise ModelError(f"{path} does not hold the network that it says: it has no {min(missing)}")
    check_finite(path, weights)
    terms = {name: getattr(card, name) for name in _OF_CARDS}
    terms = {name: [*value] if isinstance(value, tuple) else value for name, value in terms.items()}
    recognition = Recognition(card.parameters, label.keys, label.layout, terms)
    return Recognised(None, weights, card.architecture, recognition, label)


def _full_name(network: str, networks: Mapping[str, object]) -> str:
    """Return a network's name in a file, which may be given without what leads to it: ``netG_B`` is enough."""
    ending = [name for name in networks if name.endswith(f".{network}")]
    return ending[0] if network not in networks and len(ending) == 1 else network


def check_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Make sure that weights are numbers.

    Raises:
        ModelError: If some are not.
    """
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{path} holds numbers that are not finite (in {name}); the training that made it failed")


def _known(path: Path, network: str, weights: dict[str, Tensor]) -> Recognised | None:
    shapes = checkpoint.shapes_of(weights)
    matches: dict[str, Recognition] = {}
    for name, architecture in architectures().items():
        try:
            recognition = architecture.recognise(shapes)
        except ModelError as error:
            raise ModelError(f"{path}: {error.message}", error.hint) from error
        except PluginError as error:  # the others may know the file
            warnings.warn(f"{path}: {error.message}", PluginWarning, stacklevel=2)
            continue
        if recognition is not None:
            matches[name] = recognition
    if len(matches) > 1:
        raise ModelError(f"{path} could be more than one network: {', '.join(matches)}")
    return next((Recognised(network, weights, *match) for match in matches.items()), None)


def _unknown(path: Path, networks: Mapping[str, dict[str, Tensor]]) -> ModelError:
    """Say what a file holds, none of which translates pictures in a way that is known."""
    shapes = [checkpoint.shapes_of(weights) for weights in networks.values()]
    if all(map(checkpoint.describe_network, shapes)):
        what = "a discriminator, which judges pictures and makes none" if len(shapes) == 1 else "discriminators only"
        return ModelError(f"{path} looks like {what}", "the generator of the same training is what translates")
    if len(shapes) > 1:
        return ModelError(
            f"{path} holds no network that is known: {', '.join(_described(networks))}", checkpoint.READABLE
        )
    near = [
        miss
        for architecture in architectures().values()
        if isinstance(architecture, Explaining) and (miss := architecture.near_miss(shapes[0]))
    ]
    if near:
        return ModelError(f"{path} holds a network that is not quite known: {near[0]}", checkpoint.READABLE)
    first = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in list(shapes[0].items())[:3])
    return ModelError(f"{path} holds weights of an unknown network ({first}, ...)", checkpoint.READABLE)


def _described(networks: Mapping[str, dict[str, Tensor]]) -> list[str]:
    kinds = {name: checkpoint.describe_network(checkpoint.shapes_of(weights)) for name, weights in networks.items()}
    return [f"{name or '(no name)'}{f' ({kind})' if kind else ''}" for name, kind in kinds.items()]


def _parsed(key: str, text: str, before: Any) -> Any:
    """Return an assumption that was given as text, of the kind of the one before.

    Raises:
        UsageError: If it is none.
    """
    if key == "value_range" or (key == "output_range" and text != "none"):
        try:
            low, high = (float(number) for number in text.split(","))
            if not -1e6 <= low < high <= 1e6:
                raise ValueError
        except ValueError:
            raise UsageError(f"{key} is {text!r}, which is not two numbers", f"as in {key}=0,1") from None
        return [low, high]
    if key == "channel_order":
        if text.upper() not in CHANNEL_ORDERS:
            raise UsageError(f"channel_order is {text!r}, which is none of {', '.join(CHANNEL_ORDERS)}")
        return text.upper()
    if isinstance(before, bool):
        if text.lower() not in _TRUTH:
            raise UsageError(f"{key} is {text!r}, which is neither true nor false")
        return _TRUTH[text.lower()]
    if isinstance(before, list):
        return [] if text == "none" else [part.strip() for part in text.split(",")]
    return text
