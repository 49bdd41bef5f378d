"""``imgtrans doctor``: what it prints, and its exit code."""

import json
from typing import Any

from imgtrans.zoo.store import Model


def test_all_is_well_here(cli: Any):
    ended = cli("doctor")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("program:\n  ok     imgtrans ")
    assert ended.out.splitlines()[-1].startswith("all is well")


def test_what_is_wrong_makes_the_exit_code_1_and_is_there_for_programs(cli: Any, tiny: Model):
    tiny.weights.unlink()
    ended = cli("doctor", "--json")
    *findings, last = map(json.loads, ended.out.splitlines())
    (wrong,) = [finding for finding in findings if finding["state"] == "wrong"]
    assert (ended.code, last["wrong"], wrong["area"]) == (1, 1, "models")
    assert wrong["hint"]
