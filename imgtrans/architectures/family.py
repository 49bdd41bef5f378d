"""The ResNet generators as one registered architecture."""

from collections.abc import Mapping

from imgtrans.architectures.dialects import DECK, JUNYANZ
from imgtrans.architectures.nearmiss import near_miss
from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.architectures.recognition import keys_in, recognise_all
from imgtrans.architectures.resnet import GeneratorResNet, ResNet
from imgtrans.errors import ModelError
from imgtrans.protocols import Parameters, Recognition

# What the public code of a layout can build, besides any width and number of blocks.
_BUILDABLE: dict[str, dict[str, tuple[object, ...]]] = {
    "deck": {"upsampling": ("nearest", "transpose"), "affine": (False, True)},
    "junyanz": {
        "upsampling": ("transpose", "blur"),
        "downsampling": ("stride", "blur"),
        "norm": ("instance", "batch"),
        "padding": ("reflect", "replicate", "zero"),
        "pad_layers": (True, False),
        "unbiased": ((), ("stem", "down", "block1", "block2", "up")),
    },
}
_LAYOUTS = {"deck": DECK, "junyanz": JUNYANZ}
_ANY = ("channels", "channels_out", "ngf", "blocks")


class _ResNetFamily:
    """All ResNet generators: one network of many parameters, which many code bases spell their own way."""

    name = "resnet"

    def recognise(self, shapes: Mapping[str, tuple[int, ...]]) -> Recognition | None:
        """Read all parameters off a state dict of any known dialect.

        Raises:
            ModelError: If it could be one of two networks that compute differently.
        """
        found = recognise_all(shapes)
        if different := [other for other in found[1:] if other.parameters != found[0].parameters]:
            raise ModelError(
                f"this could be a network of {found[0].dialect} or of {different[0].dialect}, which would differ"
            )
        return found[0] if found else None

    def build(self, parameters: Parameters) -> ResNet:
        """Build the generator; pixels are in [-1, 1].

        Raises:
            ValueError: If parameters are missing, unknown, of a wrong type or beyond what anybody trains.
        """
        p = ResNetParameters.parse(parameters)
        if p == ResNetParameters(p.channels, p.ngf, p.blocks, p.upsampling):
            return GeneratorResNet((p.channels, 0, 0), p.blocks, ngf=p.ngf, upsampling=p.upsampling)
        return ResNet(p)

    def multiple(self, parameters: Parameters) -> int:
        """Return 4 for the usual two downsamplings by two."""
        return 1 << ResNetParameters.parse(parameters).depth

    def smallest(self, parameters: Parameters) -> int:
        """Return what leaves two places in the trunk: reflection needs a neighbour there."""
        return 2 * self.multiple(parameters)

    def layouts(self, parameters: Parameters) -> dict[str, dict[str, str]]:
        """Return the deck's layout and junyanz's, where their code can build this network."""
        p = ResNetParameters.parse(parameters)
        return {layout: keys_in(_LAYOUTS[layout], p) for layout in _LAYOUTS if not _unbuildable(p, layout)}

    def near_miss(self, shapes: Mapping[str, tuple[int, ...]]) -> str:
        """Return which known network a state dict comes near, and what of it does not fit."""
        return near_miss(shapes)

    def why_no_layout(self, parameters: Parameters, layout: str) -> str:
        """Return what the public code of a layout cannot build."""
        if layout not in _LAYOUTS:
            return ""
        p = ResNetParameters.parse(parameters)
        unlike = [f"{name} {getattr(p, name)}" for name in _unbuildable(p, layout)]
        return f"{_LAYOUTS[layout].name} has no network of {', '.join(unlike)}".replace("()", "none") if unlike else ""

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return the peak: about five feature maps of full size and width (measured: ``docs/performance.md``)."""
        p = ResNetParameters.parse(parameters)
        return 4.0 * 5.1 * p.ngf + 64.0

    def examples(self) -> list[Parameters]:
        """Return small networks of the deck's kind and the paper's, CUT's, of every normalisation, and odd ones."""
        deck: Parameters = {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}
        paper: Parameters = {**deck, "upsampling": "transpose"}
        return [
            deck,
            {**deck, "affine": True},
            {**deck, "norm": "none"},
            {**deck, "norm": "weight"},
            paper,
            {**paper, "blocks": 2, "padding": "zero", "pad_layers": False},
            {**paper, "channels": 1, "channels_out": 3, "depth": 3},
            {**paper, "norm": "batch", "unbiased": ["stem", "down", "block1", "block2", "up"]},
            {**deck, "upsampling": "blur", "downsampling": "blur"},
            {**deck, "upsampling": "bilinear", "activation": "leaky_relu:0.2", "unnormalised": ["stem"]},
            {**paper, "up_kernel": 4, "head": "sigmoid", "activation": "gelu"},
            {**deck, "tracked": True, "statistics": "own", "residual_output": True},
        ]


def _unbuildable(p: ResNetParameters, layout: str) -> list[str]:
    """Return the parameters of a network that the public code of a layout cannot build."""
    usual, able = vars(ResNetParameters(p.channels, p.ngf, p.blocks, "nearest")), _BUILDABLE[layout]
    if p.pad_layers == (p.padding == "zero"):
        able = able | {"pad_layers": ()}  # zeros are put around by the convolution, all else by a layer
    return [name for name, value in vars(p).items() if name not in _ANY and value not in able.get(name, (usual[name],))]


architecture = _ResNetFamily()
