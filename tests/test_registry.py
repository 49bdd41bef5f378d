"""Core and plugins through one door; a broken plugin stops nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import SimpleNamespace

import pytest

from imgtrans import registry
from imgtrans.errors import UnavailableError
from imgtrans.registry import GROUPS, PluginWarning, implementation, implementations

GROUP = "imgtrans.backends"


@dataclass(frozen=True)
class Point:
    """An entry point that a package brings; loading it returns or raises ``what``."""

    package: str
    name: str
    what: object = "something"

    @property
    def dist(self) -> SimpleNamespace:
        return SimpleNamespace(name=self.package)

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
    """Make these the installed entry points, with core's own ``eager`` among them."""

    def install(*points: Point) -> None:
        every = [*points, Point("imgtrans", "eager", "core's")]
        monkeypatch.setattr(registry, "entry_points", lambda group: every if group == GROUP else [])

    return install


def test_everything_that_core_registers_can_be_loaded():
    for group in GROUPS:
        names = {point.name for point in entry_points(group=group) if point.dist and point.dist.name == "imgtrans"}
        assert names
        assert names <= implementations(group).keys()


def test_a_plugin_is_found_beside_core_and_core_comes_first(installed: Callable[..., None]):
    installed(Point("a-plugin", "another", "the plugin's"))
    assert list(implementations(GROUP).items()) == [("eager", "core's"), ("another", "the plugin's")]
    assert implementation(GROUP, "another") == "the plugin's"


@pytest.mark.parametrize("failure", [ImportError("no module named 'tensorrt'"), SyntaxError("oops"), SystemExit(3)])
def test_a_broken_plugin_is_skipped_with_its_name_and_the_reason(
    installed: Callable[..., None], failure: BaseException
):
    installed(Point("imgtrans-broken", "fast", failure), Point("imgtrans-whole", "good"))
    reason = rf"plugin imgtrans-broken is left out: {type(failure).__name__}: {failure}"
    with pytest.warns(PluginWarning, match=reason) as warned:
        found = implementations(GROUP)
    assert len(warned) == 1
    assert list(found) == ["eager", "good"]


def test_a_plugin_cannot_take_a_built_in_name(installed: Callable[..., None]):
    installed(Point("a-thief", "eager", "stolen"))  # sorts before "imgtrans"
    with pytest.warns(PluginWarning, match="plugin a-thief is left out: the name 'eager' is taken"):
        assert implementation(GROUP, "eager") == "core's"


def test_of_two_plugins_with_one_name_the_second_says_so(installed: Callable[..., None]):
    installed(Point("b", "fast", "b's"), Point("a", "fast", "a's"))
    with pytest.warns(PluginWarning, match="plugin b is left out: the name 'fast' is taken"):
        assert implementation(GROUP, "fast") == "a's"


def test_an_empty_variable_turns_all_plugins_off(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_PLUGINS", "")
    installed(Point("a", "fast"), Point("b", "broken", ImportError("never tried")))
    assert list(implementations(GROUP)) == ["eager"]


def test_the_variable_keeps_the_plugins_that_it_names(installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_PLUGINS", "b, c")
    installed(Point("a", "one"), Point("b", "two"), Point("c", "three"))
    assert list(implementations(GROUP)) == ["eager", "two", "three"]


def test_what_core_itself_cannot_load_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point("imgtrans", "eager", ImportError("torch"))])
    with pytest.raises(ImportError, match="torch"):
        implementations(GROUP)


def test_an_unknown_name_says_which_ones_there_are(installed: Callable[..., None]):
    installed(Point("a", "fast"))
    with pytest.raises(UnavailableError, match="there is no 'slow' among the backends: eager, fast"):
        implementation(GROUP, "slow")
