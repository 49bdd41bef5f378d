"""What can be asked of a translation is described once; commands and checks are made of that."""

import inspect
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from imgtrans.batch.asked import FORMATS, Request, described
from imgtrans.cli.options import asking
from imgtrans.cli.run import run
from imgtrans.cli.watch import watch
from imgtrans.errors import OptionError
from imgtrans.images.written import understood
from imgtrans.watching.conduct import Conduct

OPTIONS = described(Request)


def test_everything_that_can_be_asked_is_described_but_for_the_inputs():
    assert {*OPTIONS} == {field.name for field in fields(Request)} - {"inputs", "settings"}
    assert all(option.help.endswith(".") for _, option in OPTIONS.values())


def test_run_takes_all_of_it_and_watch_what_goes_with_a_folder_that_keeps_filling():
    own = {"ctx", "inputs", "dry_run", "report", "gallery", "yes", "json", "quiet", "verbose"}
    assert {*inspect.signature(run).parameters} == {*OPTIONS} | own
    watched = {name for name, (_, option) in OPTIONS.items() if option.watched}
    own = {"ctx", "inbox", "status", "install", "yes", "json", "quiet", "verbose"}
    assert {*inspect.signature(watch).parameters} == watched | {*described(Conduct)} | own
    assert {*OPTIONS} - watched == {"limit", "files_from", "null", "force", "retry_failed", "shard", "journal"}


def test_what_is_asked_on_the_command_line_is_what_a_command_gets():
    received = []

    @asking()
    def command(first: str, *, asked: Request, last: int = 0) -> None:
        received.append((first, asked, last))

    given = {name: getattr(Request(), name) for name in OPTIONS} | {"size": "300", "include": ["*.jpg"], "force": True}
    command(first="a", last=3, **given)
    assert received == [("a", Request(size="300", include=["*.jpg"], force=True), 3)]
    assert get_type_hints(command)["batch_size"] == int | None


@pytest.mark.parametrize(
    ("name", "value", "problem", "hint"),
    [
        ("upsample", "cubic", "is 'cubic'", "use guided or bicubic"),
        ("tiling", "quick", "is 'quick'", "use auto, exact or off"),
        ("precision", "half", "is 'half'", "use auto, float32 or bfloat16"),
        ("alpha", "drop", "is 'drop'", "use keep or flatten"),
        ("frames", "last", "is 'last'", "use all or first"),
        ("depth", 12, "is 12", "use 8 or 16"),
        ("format", "gif", "is 'gif'", "use keep, jpg, png, webp, avif or tiff"),
        ("batch_size", 0, "is 0", "use a number from 1 up"),
        ("quality", 101, "is 101", "use a number from 1 to 100"),
        ("size", "15", "is '15'", "use auto, native or a number of pixels from 16 up"),
        ("device", "gpu", "is 'gpu', which is not a device", "use auto, cpu, cuda, cuda:N, mps, xpu, xpu:N, a list"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_wherever_it_comes_from(
    name: str, value: object, problem: str, hint: str
):
    with pytest.raises(OptionError) as refusal:
        Request([Path("photos")], **{name: value})  # type: ignore[arg-type]
    assert (refusal.value.option, refusal.value.problem) == (name, problem)
    assert refusal.value.hint.startswith(hint)


@pytest.mark.parametrize(("alias", "name"), [("jpeg", "jpg"), ("tif", "tiff")])
def test_a_format_goes_by_its_other_name_too(alias: str, name: str):
    assert Request(format=alias) == Request(format=name)


def test_each_format_that_can_be_asked_for_is_one_that_is_written():
    assert [understood(format=name).format for name in FORMATS] == ["", "JPEG", "PNG", "WEBP", "AVIF", "TIFF"]
