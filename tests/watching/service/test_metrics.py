import re
from pathlib import Path

from imgtrans.watching.service.metrics import rendered, write
from imgtrans.watching.service.standing import WORKING, Standing

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+-]+)')


def samples(text: str) -> dict[str, float]:
    """What a collector reads: each line a comment or a sample, no sample twice."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# "):
            assert re.fullmatch(r"# (HELP [a-z_]+ .+|TYPE [a-z_]+ (gauge|counter))", line), line
            continue
        matched = SAMPLE.fullmatch(line)
        assert matched, line
        key = line.rpartition(" ")[0]
        assert key not in found
        found[key] = float(matched[3])
    return found


def test_the_metrics_say_how_each_inbox_stands() -> None:
    first, second = Standing("/a", "/out", "tiny", state=WORKING), Standing("/b", "/out", "tiny")
    first.done(100, 0.5)
    second.erred("broken", final=True)
    found = samples(rendered([first, second], now=12.0))
    assert found['imgtrans_watch_pictures_total{inbox="/a",result="translated"}'] == 1
    assert found['imgtrans_watch_pictures_total{inbox="/b",result="failed"}'] == 1
    assert found['imgtrans_watch_state{inbox="/a",state="working"}'] == 1
    assert found['imgtrans_watch_state{inbox="/a",state="idle"}'] == 0
    assert found['imgtrans_watch_model_seconds_total{inbox="/a"}'] == 0.5
    assert found["imgtrans_watch_heartbeat_timestamp_seconds"] == 12
    text = rendered([first, second], now=12.0)
    assert len(re.findall(r"^# TYPE imgtrans_watch_state ", text, re.MULTILINE)) == 1


def test_any_path_is_a_label() -> None:
    assert len(samples(rendered([Standing('/a"\\\n\udce9', "/out", "tiny")], now=1.0))) > 10


def test_a_collector_never_reads_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "imgtrans.prom"
    assert write(path, [Standing("/a", "/out", "tiny")])
    before = path.stat().st_ino
    assert write(path, [Standing("/a", "/out", "tiny")])
    assert path.stat().st_ino != before  # another file, put in its place
    assert [one.name for one in tmp_path.iterdir()] == ["imgtrans.prom"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert not write(tmp_path / "nowhere" / "x.prom", [])
