"""Core and plugins through one door; a broken plugin stops nothing."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgtrans import __version__, registry
from imgtrans.backends.eager import backend as EAGER
from imgtrans.cuda.backend import backend as FUSED
from imgtrans.errors import UnavailableError
from imgtrans.registry import BUILT_IN, GROUPS, TURNED_OFF, PluginWarning, implementation, implementations, registered
from imgtrans.streaming.prepared import backend as PREPARED

GROUP = "imgtrans.backends"
OURS = ["eager", "fused", "prepared"]


@dataclass(frozen=True)
class Backend:
    """A backend that would do; equal to any of the same owner."""

    owner: str = "somebody"
    name: str = ""

    def open(self) -> None: ...


@dataclass(frozen=True)
class Point:
    """An entry point that a package brings; loading it returns or raises ``what``."""

    package: str
    name: str
    what: object = field(default_factory=Backend)
    value: str = "a_module:backend"

    @property
    def dist(self) -> SimpleNamespace:
        return SimpleNamespace(metadata={"Name": self.package, "Version": "1.2"} if self.package else {})

    def load(self) -> object:
        if isinstance(self.what, BaseException):
            raise self.what
        return self.what


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    implementations.cache_clear()
    yield
    implementations.cache_clear()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make these the installed entry points, beside core's own ``eager``."""

    def install(*points: Point) -> None:
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == GROUP else [])

    return install


def test_everything_that_core_registers_can_be_loaded_without_installed_metadata(installed: Callable[..., None]):
    installed()
    assert {group: [*names] for group, names in BUILT_IN.items()} == {
        group: [*implementations(group)] for group in GROUPS
    }


def test_what_an_older_imgtrans_registered_for_itself_is_not_there_twice(installed: Callable[..., None]):
    installed(Point("imgtrans", "eager", ImportError("moved")))
    assert [one.package for one in registered(GROUP)] == ["imgtrans"] * len(OURS)
    assert implementation(GROUP, "eager") is EAGER


def test_from_a_zipapp_or_a_frozen_program_what_is_built_in_is_known(tmp_path: Path):
    """A ZIP file of the package on the path of an interpreter that has no metadata of it."""
    source = Path(registry.__file__).parent
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as packed:
        for file in source.rglob("*.py"):
            packed.write(file, file.relative_to(source.parent))
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path / "app.zip")!r})
import importlib.metadata
importlib.metadata.entry_points = lambda **_: ()
from imgtrans.registry import BUILT_IN, GROUPS, implementations
import imgtrans
assert "app.zip" in imgtrans.__file__, imgtrans.__file__
print([name for group in GROUPS for name in implementations(group)])
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ended.stdout, ended.returncode) == (
        "['resnet', 'eager', 'fused', 'prepared', 'local', 'cyclegan', 'cut', 'fastcut', 'modern']\n",
        0,
    ), ended.stderr


@pytest.mark.parametrize(
    ("package", "hint"),
    [
        ("imgtrans-pix2pix", "it came with the package imgtrans-pix2pix: pip install imgtrans-pix2pix"),
        ("", "imgtrans plugins lists what there is; a plugin may bring it"),
    ],
)
def test_what_is_missing_is_said_to_come_from_where_it_came_from(
    installed: Callable[..., None], package: str, hint: str
):
    installed()
    with pytest.raises(UnavailableError, match="there is no 'unet' among the backends: eager") as refusal:
        implementation(GROUP, "unet", package)
    assert refusal.value.hint == hint


def test_what_is_installed_but_left_out_is_said_to_be(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_PLUGINS", "")
    installed(Point("imgtrans-pix2pix", "unet"))
    with pytest.raises(UnavailableError) as refusal:
        implementation(GROUP, "unet", "imgtrans-pix2pix")
    assert refusal.value.hint == f"imgtrans-pix2pix has it, but is left out: {TURNED_OFF}"


def test_which_package_brings_a_name(installed: Callable[..., None]):
    installed(Point("imgtrans-fast", "fast"))
    assert [registry.package_of(GROUP, name) for name in ("eager", "fast", "gone")] == ["", "imgtrans-fast", ""]


def test_a_plugin_is_found_beside_core_and_core_comes_first(installed: Callable[..., None]):
    installed(Point("a-plugin", "another", Backend("the plugin")))
    assert list(implementations(GROUP).items()) == [
        ("eager", EAGER),
        ("fused", FUSED),
        ("prepared", PREPARED),
        ("another", Backend("the plugin")),
    ]
    assert implementation(GROUP, "another") == Backend("the plugin")


@pytest.mark.parametrize("failure", [ImportError("no module named 'tensorrt'"), SyntaxError("oops"), SystemExit(3)])
def test_a_broken_plugin_is_skipped_with_its_name_and_the_reason(
    installed: Callable[..., None], failure: BaseException
):
    installed(Point("imgtrans-broken", "fast", failure), Point("imgtrans-whole", "good"))
    reason = rf"plugin imgtrans-broken is left out: {type(failure).__name__}: {failure}"
    with pytest.warns(PluginWarning, match=reason) as warned:
        found = implementations(GROUP)
    assert len(warned) == 1
    assert list(found) == [*OURS, "good"]


def test_a_plugin_cannot_take_a_built_in_name(installed: Callable[..., None]):
    installed(Point("a-thief", "eager", Backend("thief")))  # sorts before "imgtrans"
    with pytest.warns(PluginWarning, match="plugin a-thief is left out: the name 'eager' is taken by imgtrans"):
        assert implementation(GROUP, "eager") == EAGER


def test_of_two_plugins_with_one_name_the_second_says_so(installed: Callable[..., None]):
    installed(Point("b", "fast", Backend("b")), Point("a", "fast", Backend("a")))
    with pytest.warns(PluginWarning, match="plugin b is left out: the name 'fast' is taken by a"):
        assert implementation(GROUP, "fast") == Backend("a")


def test_an_empty_variable_turns_all_plugins_off(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_PLUGINS", "")
    installed(Point("a", "fast"), Point("b", "broken", ImportError("never tried")))
    assert list(implementations(GROUP)) == OURS


def test_the_variable_keeps_the_plugins_that_it_names(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_PLUGINS", "b, c")
    installed(Point("a", "one"), Point("b", "two"), Point("c", "three"))
    assert list(implementations(GROUP)) == [*OURS, "two", "three"]


def test_what_core_itself_cannot_load_is_an_error(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    installed()
    monkeypatch.setitem(BUILT_IN[GROUP], "eager", "imgtrans.gone:backend")
    with pytest.raises(ImportError, match="gone"):
        implementations(GROUP)


def test_an_unknown_name_says_which_ones_there_are(installed: Callable[..., None]):
    installed(Point("a", "fast"))
    with pytest.raises(UnavailableError, match="there is no 'slow' among the backends: eager, fast"):
        implementation(GROUP, "slow")


def test_what_is_not_as_its_protocol_says_is_left_out_with_what_it_lacks(installed: Callable[..., None]):
    installed(Point("a", "no", SimpleNamespace(name="no")), Point("b", "data", SimpleNamespace(name="data", open=3)))
    with pytest.warns(PluginWarning) as warned:
        assert list(implementations(GROUP)) == OURS
    assert [str(warning.message) for warning in warned] == [
        f"plugin {package} is left out: it is no Backend, whose open it lacks" for package in ("a", "b")
    ]


def test_a_reason_of_many_lines_becomes_one(installed: Callable[..., None]):
    installed(Point("a", "fast", ImportError("two\n  lines")))
    with pytest.warns(PluginWarning, match="plugin a is left out: ImportError: two lines"):
        implementations(GROUP)


def test_whoever_has_a_name_keeps_it_though_it_does_not_work(installed: Callable[..., None]):
    installed(Point("a", "fast", ImportError("no")), Point("b", "fast"))
    with pytest.warns(PluginWarning) as warned:
        assert list(implementations(GROUP)) == OURS
    assert [str(warning.message) for warning in warned] == [
        "plugin a is left out: ImportError: no",
        "plugin b is left out: the name 'fast' is taken by a",
    ]


def test_what_is_registered_is_listed_and_not_loaded(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_PLUGINS", "a,b")
    never = AssertionError("it was loaded")
    installed(Point("c", "fast", never), Point("b", "fast", never), Point("a", "fast", never))
    assert [(one.package, one.version, one.name, one.left_out) for one in registered(GROUP)] == [
        ("imgtrans", __version__, "eager", ""),
        ("imgtrans", __version__, "fused", ""),
        ("imgtrans", __version__, "prepared", ""),
        ("a", "1.2", "fast", ""),
        ("b", "1.2", "fast", "the name 'fast' is taken by a"),
        ("c", "1.2", "fast", TURNED_OFF),
    ]


def test_a_plugin_that_is_turned_off_takes_no_name(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_PLUGINS", "b")
    installed(Point("a", "fast", Backend("a")), Point("b", "fast", Backend("b")))
    assert implementation(GROUP, "fast") == Backend("b")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a package into a folder of its own, from the files of its metadata."""

    def install(name: str, **files: str) -> Path:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        for file, text in files.items():
            (info / file.replace("_txt", ".txt")).write_text(text)
        return tmp_path

    monkeypatch.syspath_prepend(tmp_path)
    return install


@pytest.mark.parametrize(
    ("module", "value", "reason"),
    [
        ("import a_library_that_nobody_has", "bad:backend", "ModuleNotFoundError: No module named 'a_library"),
        ("", "bad:backend", "AttributeError: module 'bad' has no attribute 'backend'"),
        ("backend = 3", "bad:backend", "it is no Backend, whose name and open it lacks"),
        ("def (", "bad:backend", "SyntaxError: "),
        ("import sys; sys.exit('no GPU')", "bad:backend", "SystemExit: no GPU"),
        ("", "gone:backend", "ModuleNotFoundError: No module named 'gone'"),
        ("", "not a name", ""),
    ],
)
def test_an_installed_package_that_is_broken_stops_nothing(
    site: Callable[..., Path], module: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
):
    folder = site(
        "imgtrans_bad",
        METADATA="Metadata-Version: 2.1\nName: imgtrans-bad\nVersion: 1.0\n",
        entry_points_txt=f"[{GROUP}]\nfast = {value}\n",
    )
    (folder / "bad.py").write_text(module)
    monkeypatch.delitem(sys.modules, "bad", raising=False)
    with pytest.warns(PluginWarning, match=f"plugin imgtrans-bad is left out: {re.escape(reason)}") as warned:
        assert "fast" not in implementations(GROUP)
    assert len(warned) == 1
    assert "eager" in implementations(GROUP)


def test_a_package_whose_metadata_is_gone_is_called_by_its_module(site: Callable[..., Path]):
    site("imgtrans_bad", entry_points_txt=f"[{GROUP}]\nfast = gone:backend\n")
    with pytest.warns(PluginWarning, match="plugin gone is left out: ModuleNotFoundError"):
        assert "eager" in implementations(GROUP)
