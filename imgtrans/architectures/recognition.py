"""What a state dict of a ResNet generator tells of it, by names and shapes alone."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

import torch

from imgtrans.architectures.alternatives import alternatives, open_parameters
from imgtrans.architectures.dialects import DECK, DIALECTS
from imgtrans.architectures.parameters import DOWNSAMPLINGS, PLACES, SHOWN_UPSAMPLINGS, ResNetParameters
from imgtrans.architectures.resnet import ResNet
from imgtrans.architectures.sequences import sequences_in
from imgtrans.architectures.spelling import Slot, Spelling
from imgtrans.protocols import Parameters, Recognition

Shape = tuple[int, ...]
Names = dict[Slot, str]
Layers = dict[str, dict[str, Shape]]

_DEPTHS = range(1, 6)

# Weight normalisation's two halves, as PyTorch spells them now and did before 2.0.
_WEIGHT_NORM = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
_KERNELS = ("weight", *_WEIGHT_NORM, *_WEIGHT_NORM.values())

# What normalisation keeps beside its weights. PyTorch 0.3 kept it for instance normalisation, too, and did not use it;
# from 0.4 on, with the counter, it does.
_STATISTICS = frozenset({"running_mean", "running_var"})
_COUNTER = "num_batches_tracked"

_OF_PICTURES = {"value_range": [-1.0, 1.0], "output_range": [], "channel_order": "RGB"}


def recognise_all(shapes: Mapping[str, Shape]) -> list[Recognition]:
    """Return every network that a state dict of these names and shapes fills exactly, with the dialects' names."""
    layers: Layers = {}
    for key, shape in shapes.items():
        layer, tensor = split(key)
        layers.setdefault(layer, {})[tensor] = shape
    return _recognised(shapes, layers, DIALECTS) or _recognised(shapes, layers, _sequences(layers))


def _recognised(shapes: Mapping[str, Shape], layers: Layers, spellings: Iterable[Spelling]) -> list[Recognition]:
    return [
        recognition
        for spelling in spellings
        for structure, names in _structures(layers, spelling)
        if (recognition := _compared(shapes, layers, spelling, structure, names)) is not None
    ]


def _sequences(layers: Layers) -> Iterator[Spelling]:
    """Yield what a generator of plain sequences could be called, as the file does; its keys may have been sorted."""
    kernels = [name for name, tensors in layers.items() if _kernel(tensors)]
    for order in (kernels, sorted(kernels, key=_by_number)):
        if order and (order is kernels or order != kernels):
            yield from sequences_in(order)


def _by_number(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def own_shapes(parameters: ResNetParameters) -> dict[str, Shape]:
    """Return names and shapes of the state dict of a network here, without taking memory for it.

    Batch normalisation's counter is left out: it matters to training alone, and PyTorch does without it in old files.
    """
    with torch.device("meta"):
        weights = ResNet(parameters).state_dict()
    return {key: tuple(tensor.shape) for key, tensor in weights.items() if not key.endswith(_COUNTER)}


def keys_in(dialect: Spelling, parameters: ResNetParameters) -> dict[str, str]:
    """Return for each key of a network here what ``dialect`` calls it."""
    theirs = dict(dialect.layers(parameters))
    names = {own: theirs[slot] for slot, own in DECK.layers(parameters)}
    return {key: f"{names[layer]}.{tensor}" for key in own_shapes(parameters) for layer, tensor in [split(key)]}


def split(key: str) -> tuple[str, str]:
    """Return the names of layer and tensor that a key of a state dict consists of."""
    layer, _, tensor = key.rpartition(".")
    if layer.endswith(".parametrizations.weight"):
        return layer.removesuffix(".parametrizations.weight"), f"parametrizations.weight.{tensor}"
    return layer, tensor


def frames(dialect: Spelling, depths: Iterable[int]) -> Iterator[tuple[Parameters, int, int]]:
    """Yield what a dialect leaves open around the blocks, and how many kernels are there and in each block."""
    for depth, up, down, pad_layers in product(depths, SHOWN_UPSAMPLINGS, DOWNSAMPLINGS, (True, False)):
        structure: Parameters = {"depth": depth, "upsampling": up, "downsampling": down, "pad_layers": pad_layers}
        if any(dialect.fixed.get(name, value) != value for name, value in structure.items()):
            continue
        if "blur" in (up, down) and not dialect.blurs:
            continue
        structure |= dialect.fixed
        in_block = structure.get("block_convs", 2) * (1 + structure.get("separable", False))
        yield structure, 2 * depth + 2 * structure.get("stem", True), in_block


def _structures(layers: Layers, dialect: Spelling) -> Iterator[tuple[Parameters, Names]]:
    """Yield what decides the names of the layers, with the names, wherever just these layers have kernels and blurs."""
    kernels = {name for name, tensors in layers.items() if _kernel(tensors)}
    blurs = {name for name, tensors in layers.items() if "filt" in tensors}
    for structure, ends, in_block in frames(dialect, _DEPTHS):
        blocks, rest = divmod(len(kernels) - ends, in_block)
        if rest or blocks < 0:
            continue
        if blocks == 0 and (
            structure.get("separable") or ("pad_layers" not in dialect.fixed and not structure["pad_layers"])
        ):
            continue  # without a block there is no telling its kinds apart, and no need
        structure["blocks"] = blocks
        names = dict(dialect.layers(ResNetParameters(channels=1, ngf=1, **structure)))
        parts = {part: {name for slot, name in names.items() if slot.part in part} for part in (_CONVOLVING, _BLURRING)}
        if parts[_CONVOLVING] == kernels and parts[_BLURRING] == blurs:
            yield structure, names


_CONVOLVING, _BLURRING = ("convolution", "depthwise"), ("blur",)


def _compared(
    shapes: Mapping[str, Shape], layers: Layers, dialect: Spelling, structure: Parameters, names: Names
) -> Recognition | None:
    """Read all parameters, and return the network of these if its state dict is the very one that is there."""
    try:
        parameters = ResNetParameters.parse(_read(layers, dialect, structure, names))
    except ValueError:
        return None
    keys = {own: _present(theirs, shapes) for own, theirs in keys_in(dialect, parameters).items()}
    if any(shapes.get(keys[own]) != shape for own, shape in own_shapes(parameters).items()):
        return None
    norms = {name for slot, name in names.items() if slot.part == "norm"}
    for layer, tensor in map(split, shapes.keys() - {*keys.values()}):
        if tensor != _COUNTER or layer not in norms:
            return None
    assumed = open_parameters(parameters, {*dialect.fixed})
    coloured = 3 in (parameters.channels, parameters.channels_out)
    assumed |= {
        name: dialect.assumed.get(name, value)
        for name, value in _OF_PICTURES.items()
        if coloured or name != "channel_order"
    }
    return Recognition(parameters.plain(), keys, dialect.name, assumed, alternatives(parameters, assumed))


def _read(layers: Layers, dialect: Spelling, structure: Parameters, names: Names) -> Parameters:
    """Return the parameters that the shapes of a dialect's layers tell, right or not."""
    convolutions = [(slot, layers[name]) for slot, name in names.items() if slot.part == "convolution"]
    transposed = structure["upsampling"] == "transpose"
    turned = {"up", *(() if structure.get("stem", True) else ("head",))} if transposed else set()

    def channels(slot: Slot, tensors: dict[str, Shape]) -> tuple[int, int]:
        a, b = _kernel(tensors)[:2]
        return (a, b) if slot.place in turned else (b, a)

    outside = [(slot, *channels(slot, tensors)) for slot, tensors in convolutions if not slot.place.startswith("block")]
    norms = {slot: layers.get(name, {}) for slot, name in names.items() if slot.part == "norm"}
    seen = {place for (place, _, _), tensors in norms.items() if tensors}
    kernels = {slot.place: _kernel(tensors)[-1] for slot, tensors in convolutions}
    up_kernel = kernels.get("up", kernels["head"])
    assumed = {name: value for name, value in dialect.assumed.items() if name not in _OF_PICTURES}
    if transposed:
        assumed.pop("up_padding", None)
    parameters = {
        "padding": "reflect" if structure["pad_layers"] else "zero",
        **assumed,
        **structure,
        "channels": outside[0][1],
        "channels_out": 0 if outside[-1][2] == outside[0][1] else outside[-1][2],
        "ngf": outside[0][2],
        "kernel": kernels["down"],
        "up_kernel": up_kernel if transposed and up_kernel != kernels["down"] else 0,
        "unbiased": sorted({slot.place for slot, tensors in convolutions if "bias" not in tensors}),
        **_normalisation(layers, list(norms.values()), dialect),
    }
    if parameters["norm"] == "batch" or parameters.get("affine") or parameters.get("tracked"):
        parameters["unnormalised"] = [place for place in PLACES if place in {slot.place for slot in norms} - seen]
    widths = tuple(width for _, _, width in outside[:-1])
    trunk = outside[parameters["depth"] + structure.get("stem", True) - 1][2]
    inner = [channels(slot, tensors)[1] for slot, tensors in convolutions if slot.place == "block1"]
    if any(width != trunk for width in inner):
        parameters["block_widths"] = inner
    if widths != ResNetParameters.parse(parameters | {"block_widths": ()}).regular_widths():
        parameters["widths"] = widths
    return parameters


def _normalisation(layers: Layers, norms: list[dict[str, Shape]], dialect: Spelling) -> Parameters:
    """Tell the normalisation by what it keeps; what keeps nothing is the dialect's own."""
    if any("weight" not in tensors for tensors in layers.values() if _kernel(tensors)):
        return {"norm": "weight"}
    learnt = any("weight" in tensors for tensors in norms)
    tracked = any(tensors.keys() >= _STATISTICS for tensors in norms)
    if learnt and tracked:  # affine instance normalisation by such statistics is the same
        return {"norm": "batch"}
    if tracked:
        counted = any(_COUNTER in tensors for tensors in norms)
        return {"norm": "instance", "tracked": True, "statistics": "running" if counted else "own"}
    return {"norm": "instance", "affine": True} if learnt else {"norm": dialect.assumed.get("norm", "instance")}


def _kernel(tensors: Mapping[str, Shape]) -> Shape:
    """Return the shape of a layer's convolution kernel, or of nothing if it has none."""
    return next((shape for name in _KERNELS if len(shape := tensors.get(name, ())) == 4 and name[-1] not in "0g"), ())


def _present(key: str, shapes: Mapping[str, Shape]) -> str:
    """Return a key as the file has it, which may be from before PyTorch 2.0."""
    layer, tensor = split(key)
    old = f"{layer}.{_WEIGHT_NORM[tensor]}" if tensor in _WEIGHT_NORM else key
    return old if key not in shapes else key
