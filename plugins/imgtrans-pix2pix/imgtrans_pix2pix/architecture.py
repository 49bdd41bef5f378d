"""The U-Net as an architecture of imgtrans: its checkpoints recognised, its parameters checked, the network built."""

from collections.abc import Mapping

import torch

from imgtrans.protocols import Parameters, Recognition
from imgtrans_pix2pix.network import FEWEST_DOWNS, NORMS, GeneratorUNet, Style

LIMITS = {"channels": (1, 16), "channels_out": (1, 16), "ngf": (1, 256), "downs": (FEWEST_DOWNS, 10)}
SWITCHES = ("affine", "tracked", "bias")
USUAL = {"value_range": [-1.0, 1.0], "channel_order": "RGB"}

Shapes = Mapping[str, tuple[int, ...]]


class UNet:
    """The generators that pix2pix calls ``unet_128`` and ``unet_256``, and their like of other depths and widths."""

    name = "unet"

    def recognise(self, shapes: Shapes) -> Recognition | None:
        """Read channels, width, depth and the kind of normalisation off a state dict of the authors' layout."""
        downs = 1
        while downs <= LIMITS["downs"][1] and f"{_level(downs)}.1.weight" in shapes:
            downs += 1
        first, last = shapes.get(f"{_level(0)}.0.weight", ()), shapes.get(f"{_level(0)}.3.weight", ())
        if len(first) != 4 or len(last) != 4:
            return None
        norm = f"{_level(1)}.6"  # behind the last convolution but one
        affine, tracked, bias = (
            name in shapes for name in (f"{norm}.weight", f"{norm}.running_mean", f"{_level(0)}.0.bias")
        )
        parameters = {
            "channels": first[1],
            "channels_out": last[1],  # a transposed convolution's weights are (in, out, 4, 4)
            "ngf": first[0],
            "downs": downs,
            "norm": _usual_norm(affine, tracked, bias),
            "affine": affine,
            "tracked": tracked,
            "bias": bias,
        }
        if _nonsense(parameters):
            return None
        own = self._shapes(parameters)
        if any(shapes.get(name) != shape for name, shape in own.items()):
            return None
        # How many batches the statistics are of is all that may be there besides.
        if any(not name.endswith(".num_batches_tracked") for name in shapes.keys() - own.keys()):
            return None
        assumed = {**USUAL, "norm": parameters["norm"]}
        return Recognition(parameters, {name: name for name in own}, "junyanz", assumed)

    def build(self, parameters: Parameters) -> GeneratorUNet:
        """Build the generator; pixels are in [-1, 1].

        Raises:
            ValueError: If parameters are missing, unknown, of a wrong type or beyond what anybody trains.
        """
        if nonsense := _nonsense(parameters):
            raise ValueError(nonsense)
        channels, channels_out, ngf, downs = (parameters[name] for name in LIMITS)
        style = Style(**{name: parameters[name] for name in Style._fields})
        return GeneratorUNet(channels, channels_out, ngf, downs, style)

    def multiple(self, parameters: Parameters) -> int:
        """Return ``2 ** downs``: the picture is halved so often."""
        return int(2 ** parameters["downs"])

    def smallest(self, parameters: Parameters) -> int:
        """Return ``2 ** downs``: what is left in the middle is one pixel."""
        return self.multiple(parameters)

    def layouts(self, parameters: Parameters) -> dict[str, dict[str, str]]:
        """Return the authors' layout, which is the network's own."""
        return {"junyanz": {name: name for name in self._shapes(parameters)}}

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return the peak: four half-size maps of ``ngf`` channels and a quarter more, and the pictures.

        Measured on a CPU, at 9 megapixels: 335 for a width of 64, and 98 for one of 16.
        """
        pictures = 8 * (parameters["channels"] + parameters["channels_out"])
        return float(4 * 1.25 * parameters["ngf"] + pictures)

    def examples(self) -> list[Parameters]:
        """Return small networks of every kind of normalisation, and of more depths and channels than one."""
        usual = {"channels": 3, "channels_out": 3, "ngf": 2, "downs": FEWEST_DOWNS}
        batch = {"norm": "batch", "affine": True, "tracked": True, "bias": False}
        return [
            {**usual, **batch},
            {**usual, **batch, "downs": 7},
            {**usual, **batch, "channels": 1, "channels_out": 4, "ngf": 3, "bias": True},
            {**usual, **batch, "norm": "instance"},
            {**usual, "norm": "batch", "affine": False, "tracked": True, "bias": True},
            {**usual, "norm": "instance", "affine": False, "tracked": True, "bias": True},
            {**usual, "norm": "instance", "affine": True, "tracked": False, "bias": True},
            {**usual, "norm": "instance", "affine": False, "tracked": False, "bias": True},
            {**usual, "norm": "none", "affine": False, "tracked": False, "bias": False},
        ]

    def _shapes(self, parameters: Parameters) -> Shapes:
        with torch.device("meta"):
            return {name: tuple(tensor.shape) for name, tensor in self.build(parameters).state_dict().items()}


def _level(depth: int) -> str:
    """Return what the names of a level's layers begin with; the outermost is 0."""
    return "model.model" + ("" if depth == 0 else ".1.model" + ".3.model" * (depth - 1))


def _usual_norm(affine: bool, tracked: bool, bias: bool) -> str:
    """Return what normalisation a checkpoint of the authors' code was trained with.

    Their batch normalisation is affine and tracked. Their instance normalisation is neither, and comes with biases;
    the oldest files carry statistics of it that their code does not use.
    """
    if affine and tracked:
        return "batch"
    return "instance" if affine or tracked or bias else "none"


def _nonsense(parameters: Parameters) -> str:
    """Return what is wrong with parameters, which may come from anybody's card; "" if nothing is."""
    if unknown := sorted(parameters.keys() - {*LIMITS, *SWITCHES, "norm"}):
        return f"{unknown[0]} is no parameter of a U-Net"
    for name, (least, most) in LIMITS.items():
        value = parameters.get(name)
        if type(value) is not int or not least <= value <= most:  # True is an int, too
            return f"{name} is {value!r}, which is no whole number from {least} to {most}"
    for name in SWITCHES:
        if type(parameters.get(name)) is not bool:
            return f"{name} is {parameters.get(name)!r}, which is neither true nor false"
    if parameters.get("norm") not in NORMS:
        return f"norm is {parameters.get('norm')!r}, which is none of {', '.join(NORMS)}"
    if parameters["norm"] == "batch" and not parameters["tracked"]:
        return "norm is 'batch', which goes by running statistics that this network does not have"
    return ""


architecture = UNet()
