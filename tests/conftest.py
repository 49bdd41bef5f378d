"""A home of its own for every test, somebody without root's rights, and the tiny real model of most."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from imgtrans import checkpoint
from imgtrans.__main__ import main
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.card import Card
from imgtrans.zoo.store import Model, install
from tests.disks import SmallDisk
from tests.stores import Bucket, Proxy, memory_bucket

settings.register_profile("patient", deadline=None)  # how long an example takes depends on what else the machine does
settings.load_profile("patient")

NOBODY = 65534
TINY_PARAMETERS = {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``IMGTRANS_HOME``; nothing of the person who runs the tests is read or written.

    The variables reach subprocesses too: ``HOME`` and ``XDG_CONFIG_HOME`` hold no configuration.
    """
    for name in [*os.environ]:
        if name.startswith("IMGTRANS_"):
            monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("home")
    (folder / "config").mkdir()
    monkeypatch.setenv("IMGTRANS_HOME", str(folder / "data"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))  # kernels are made once
    return folder


@pytest.fixture(autouse=True)
def _usual_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the outer terminal decides how output looks, or when it is written."""
    for name in (
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "TTY_COMPATIBLE",
        "TTY_INTERACTIVE",
        "COLUMNS",
        "PYTHONUNBUFFERED",
        "PYTHONWARNINGS",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def tiny_network() -> GeneratorResNet:
    """A real generator of width 4 with one block; not to be changed."""
    state = torch.get_rng_state()
    torch.manual_seed(7)
    network = GeneratorResNet((3, 0, 0), 1, ngf=4).apply(weights_init_normal).eval().requires_grad_(False)
    torch.set_rng_state(state)
    return network


@pytest.fixture(scope="session")
def tiny_weights(tiny_network: GeneratorResNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny generator's weights as a safetensors file; not to be changed."""
    path = tmp_path_factory.mktemp("tiny") / "weights.safetensors"
    checkpoint.write_weights(tiny_network.state_dict(), path)
    return path


@pytest.fixture
def tiny_model(home: Path, tiny_weights: Path) -> Model:
    """The tiny generator, in this test's zoo as ``tiny``."""
    card = Card("tiny", "day", "night", "resnet", dict(TINY_PARAMETERS), "")
    return install(card, lambda path: shutil.copyfile(tiny_weights, path))


@pytest.fixture
def tiny(tiny_model: Model) -> Model:
    """The tiny generator under its short name; in ``tests/training`` that is the options of a tiny run."""
    return tiny_model


@pytest.fixture
def undecodable_name(tmp_path: Path) -> Iterator[str]:
    """A file name whose bytes are no UTF-8, where the file system takes it."""
    name = os.fsdecode(b"caf\xe9.png")
    try:
        (tmp_path / name).touch()
        (tmp_path / name).unlink()
    except OSError:
        pytest.skip(f"the file system of {sys.platform} takes names in UTF-8 only")
    yield name


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder whose owner runs the test: root, who may read all, becomes nobody for it."""
    folder = Path(tempfile.mkdtemp())  # root's tmp_path may not be entered by others
    root = os.name != "nt" and os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], SmallDisk]]:
    """Make disks of a given size."""
    made: list[SmallDisk] = []

    def make(size: str) -> SmallDisk:
        made.append(SmallDisk(tmp_path / f"disk{len(made)}", size))
        return made[-1]

    yield make
    for disk in made:
        disk.close()


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """The port of a real S3 server on this machine."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def proxy(s3_port: int) -> Iterator[Proxy]:
    """A proxy before that server, whose requests can be made to fail."""
    proxy = Proxy(s3_port)
    proxy.url = proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture
def s3(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket of that server, reached through the proxy by whoever reads the environment."""
    s3fs = pytest.importorskip("s3fs")
    from imgtrans.storage import store

    for name, value in (("ENDPOINT_URL", proxy.url), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(store, "_stores", {})
    s3fs.S3FileSystem.clear_instance_cache()
    direct = s3fs.S3FileSystem(
        endpoint_url=f"http://127.0.0.1:{proxy.port}", use_listings_cache=False, skip_instance_cache=True
    )
    name = f"bucket-{secrets.token_hex(4)}"
    direct.mkdir(name)
    yield Bucket(f"s3://{name}", direct)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def memory_store() -> Bucket:
    """An empty bucket in the memory of this process."""
    return memory_bucket()


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run ``imgtrans`` with the arguments given, in this process, up to its last exit code."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["imgtrans", *map(str, arguments)])
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:  # processes that a test starts later are to hear signals
            for number, handler in handlers.items():
                signal.signal(number, handler)
        out, err = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, out, err)

    return run
