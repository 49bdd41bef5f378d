"""What stands beside weights and is harmless is no reason to refuse them, and none of it is ever made."""

import argparse
import copy
import datetime
import decimal
import io
import pathlib
import pickle
import sys
import types
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.checkpoint import read_networks, read_weights
from imgtrans.checkpoint.company import company
from imgtrans.errors import ModelError
from tests.checkpoint.makers import Weights

NOW = datetime.datetime(2021, 5, 4, 3, 2, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2), "here"))
COMPANY: dict[str, object] = {
    "options of a program": argparse.Namespace(lr=2e-4, betas=(0.5, 0.999), name="horse2zebra", gpu_ids=[0]),
    "a namespace": types.SimpleNamespace(a=1),
    "scalars of NumPy": [np.float64(0.5), np.float32(1), np.int64(3), np.bool_(True), np.str_("text"), np.bytes_(b"b")],
    "arrays of NumPy": [np.arange(6.0).reshape(2, 3), np.array(["a", "bc"]), np.array([None, {"x": 1}], object)],
    "an array of NumPy in Fortran's order": np.asfortranarray(np.eye(3)),
    "records of NumPy": np.zeros(2, [("a", "<i4"), ("b", "<f8")]),
    "types of NumPy": [np.dtype("float32"), np.float32, np.ndarray],
    "the state of NumPy's random numbers": np.random.RandomState(0).get_state(),
    "dates and times": [NOW, NOW.date(), NOW.time(), NOW - NOW, datetime.UTC],
    "paths": [
        pathlib.Path("a") / "b",
        pathlib.PurePosixPath("/a"),
        pathlib.PureWindowsPath("c:/a"),
        Path(*"abcdefghijkl"),
    ],
    "numbers": [decimal.Decimal("1.5"), Fraction(1, 3), 1 + 2j, 1 << 70, -1],
    "an identifier": uuid.UUID(int=7),
    "containers": [{1, 2}, frozenset("ab"), Counter("abca"), deque([1, 2], 5), defaultdict(list, {"a": [1]}), range(3)],
    "bytes": [b"abc", bytes(300), bytearray(b"")],
    "types of PyTorch": [torch.float16, torch.device("cuda", 1), torch.Size([1, 2]), torch.strided],
    "sparse tensors": torch.eye(3).to_sparse(),
    "tensors of eight bits": [torch.ones(3, 3).to(torch.float8_e4m3fn)],
}
PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def same(read: Weights, expected: Weights) -> bool:
    return read.keys() == expected.keys() and all(torch.equal(read[name], expected[name]) for name in expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", COMPANY)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of PyTorch's, while the files are made
def test_weights_beside_harmless_company_are_read(
    kind: str, zipped: bool, protocol: int, weights: Weights, tmp_path: Path
):
    content = {"state_dict": weights, "company": COMPANY[kind], "epoch": 3}
    torch.save(content, tmp_path / "w.pth", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    networks = read_networks(tmp_path / "w.pth")
    assert networks.keys() == {"state_dict"}
    assert same(networks["state_dict"], weights)


@pytest.mark.parametrize("name", ["addict.addict.Dict", "easydict.EasyDict", "munch.Munch", "yacs.config.CfgNode"])
def test_dicts_of_packages_that_are_not_here_are_looked_through(
    name: str, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package, _, kind = name.rpartition(".")

    class Options(dict[str, Any]):
        pass

    Options.__module__, Options.__qualname__ = package, kind
    module = types.ModuleType(package)
    setattr(module, kind, Options)
    with monkeypatch.context() as patched:
        for part in [package, package.partition(".")[0]]:
            patched.setitem(sys.modules, part, module)
        options = Options(net=weights, lr=1)
        options.__dict__["also"] = 3
        torch.save(options, tmp_path / "w.pth")
    assert same(read_networks(tmp_path / "w.pth")["net"], weights)
    assert package not in sys.modules


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_weights_that_plain_pickle_wrote_are_read(protocol: int, weights: Weights, tmp_path: Path):
    whole = torch.arange(24.0).view(4, 6)
    content = {
        "G": {**weights, "view": whole[1:3, ::2], "half": whole.half(), "empty": whole[:0]},
        "D": OrderedDict(nn.Conv2d(3, 4, 3).state_dict(keep_vars=True)),
        "opt": argparse.Namespace(a=np.arange(3)),
    }
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(content, protocol))
    networks = read_networks(tmp_path / "w.pkl")
    assert same(networks["G"], content["G"])  # type: ignore[arg-type]
    assert same(networks["D"], content["D"])  # type: ignore[arg-type]


def test_parameters_with_attributes_of_their_own_are_read(tmp_path: Path):
    parameter = nn.Parameter(torch.ones(2, 2))
    parameter.tag = "mine"  # type: ignore[attr-defined]
    torch.save({"weight": parameter}, tmp_path / "w.pth")
    assert same(read_weights(tmp_path / "w.pth"), {"weight": torch.ones(2, 2)})


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"G_AB": state, "epoch": 1}])
def test_what_a_profiler_counted_is_left_out(
    wrap: Callable[[Weights], object], tiny_network: GeneratorResNet, tmp_path: Path
):
    counted = copy.deepcopy(tiny_network)
    for module in counted.modules():  # as thop does
        module.register_buffer("total_ops", torch.zeros(1, dtype=torch.float64))
        module.register_buffer("total_params", torch.zeros(1, dtype=torch.float64))
    torch.save(wrap(counted.state_dict()), tmp_path / "w.pth")
    assert same(read_weights(tmp_path / "w.pth"), tiny_network.state_dict())


def test_strings_of_python_2_need_not_be_text(tmp_path: Path):
    from tests.checkpoint.makers import Storage as Stored
    from tests.checkpoint.makers import floats, program, tensor, zipped

    pickled = program({"weight": tensor(Stored("0", 2), 2, 1, stride=(1, 1)), "rest": "1234"})
    zipped(tmp_path / "w.pth", pickled.replace(b"X\x04\0\0\x001234", b"U\x04\xff\xfe\0\x80"), floats(1, 2)[8:])
    assert same(read_networks(tmp_path / "w.pth")[""], {"weight": torch.tensor([[1.0], [2.0]])})


# Nothing of it is run


@pytest.fixture(scope="module")
def events() -> list[str]:
    """What Python reports while ``"on"`` is the first in the list: an audit hook stays for the life of a process."""
    seen: list[str] = []

    def look(event: str, arguments: tuple[object, ...]) -> None:
        if seen and event in ("pickle.find_class", "import", "exec", "compile", "os.system", "subprocess.Popen"):
            seen.append(f"{event} {arguments[:2]}")

    sys.addaudithook(look)
    return seen


@pytest.mark.parametrize("write", ["zip", "legacy", "pickle"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_name_is_looked_up_and_nothing_is_imported(write: str, weights: Weights, tmp_path: Path, events: list[str]):
    content = {"state_dict": weights, "company": {**COMPANY, "sparse tensors": None}}
    file = io.BytesIO()
    if write == "pickle":
        pickle.dump(content, file)
    else:
        torch.save(content, file, _use_new_zipfile_serialization=write == "zip")
    (tmp_path / "w.pth").write_bytes(file.getvalue())
    read_networks(tmp_path / "w.pth")  # once before, for what Python itself imports late
    events.append("on")
    try:
        read: dict[str, dict[str, Tensor]] = read_networks(tmp_path / "w.pth")
        seen = events[1:]
    finally:
        events.clear()
    assert seen == []
    assert same(read["state_dict"], weights)


HARMFUL = (
    "os.system", "posix.system", "subprocess.Popen", "builtins.eval", "builtins.exec", "builtins.getattr",
    "io.open", "builtins.__import__", "builtins.open", "builtins.type", "importlib.import_module", "numpy.load",
    "numpy.zeros", "numpy.fromfile", "numpy.core.multiarray.fromfile", "numpy.core.multiarray.scalar.x",
    "numpy.f2py.diagnose.os.system", "torch.load", "torch.Tensor", "torch.hub.load", "pathlib.os.system",
    "pathlib.Path.unlink", "pathlib.Path.read_bytes", "datetime.sys.exit", "argparse.FileType",
    "argparse._os.system", "types.FunctionType", "types.CodeType", "collections.namedtuple",
    "uuid._load_system_functions", "runpy.run_path", "copyreg._reconstructor", "webbrowser.open", "pickle.loads",
    "marshal.loads", "ctypes.CDLL", "functools.partial", "operator.attrgetter",
)  # fmt: skip


@pytest.mark.parametrize("name", HARMFUL)
def test_the_list_of_the_harmless_has_none_of_the_harmful(name: str):
    assert company(name) is None


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", HARMFUL)
def test_whoever_names_the_harmful_is_refused_though_it_is_not_called(
    name: str, protocol: int, weights: Weights, tmp_path: Path
):
    module, _, function = name.rpartition(".")
    marked = pickle.dumps({"G": None, "hook": "HOOK"}, protocol)
    text = next(text for text in (b"X\4\0\0\0HOOK", b"\x8c\4HOOK") if text in marked)
    named = b"c" + f"{module}\n{function}\n".encode()
    if protocol == 4:
        named = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, function)) + b"\x93"
    path = tmp_path / "w.pkl"
    path.write_bytes(marked.replace(text, named))
    with pytest.raises(ModelError, match="loading it would run code"):
        read_networks(path)
