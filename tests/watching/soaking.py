"""Does to a watched folder, in random order, what people and machines do, and checks it: ``scripts/soak watch``.

Every picture that is left, whole and at rest must have the very output that ``imgtrans run`` makes of its content.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.batch.soaking import install_tiny
from tests.pictures import save
from tests.watching.daemon import Daemon, until

MINUTES = 60.0
ROUND = 12  # things that are done before it is checked
DEADLINE = 120.0
POOL = 12  # different contents for each kind
KINDS = ("png", "jpg", "bmp")
OPTIONS = ("--model", "tiny", "--device", "cpu", "--batch-size", "1")
DISK = 24 << 20
MOST = 200  # pictures that are left standing; with all outputs they fill about half of a disk

Content = tuple[str, int]  # kind and number
Size = tuple[int, int, int]  # file descriptors, threads and bytes of the main process


class Soak:
    """One inbox, its outputs, a daemon that comes and goes, and what should be there.

    Args:
        place: A folder of its own.
        seed: Of what is done.
    """

    def __init__(self, place: Path, seed: int) -> None:
        self.inbox, self.out = place / "inbox", place / "out"
        self.done: list[str] = []
        self.said = ""  # by daemons that have ended
        self.rounds = 0
        self._place = place
        self._draw = random.Random(seed)
        self._mounted: list[Path] = []
        self._standing: dict[str, Content] = {}  # whole pictures, by their names
        self._broken: dict[str, Content] = {}  # those that are not whole, and what they are to be
        self._count = 0
        self.can_unmount = self._mount_disks()
        self._wholes = {(kind, number): self._make(kind, number) for kind in KINDS for number in range(POOL)}
        self._run(place / "pool", place / "expected")
        self._daemon = self._start()

    def play(self, seconds: float) -> None:
        """Do things and check them, for so long, and at least once; then end it well."""
        until = time.monotonic() + seconds
        begun = self._size()
        while time.monotonic() < until or not self.rounds:
            for _ in range(ROUND):
                self._do_something()
            self._check()
            self._tidy_up()
            self.rounds += 1
            size = self._size()
            print(f"{len(self.done)} things done, {self.rounds} times checked; {describe(size)}", flush=True)
            if self._restarted():
                begun = size
            begun = min(begun[0], size[0]), min(begun[1], size[1]), min(begun[2], size[2])  # what it takes at rest
            deadline = time.monotonic() + DEADLINE
            while self._grown(begun, size):  # it may still be putting things away
                assert time.monotonic() < deadline, f"grown: {describe(begun)}, then {describe(size)}"
                time.sleep(0.5)
                size = self._size()
        self._end()

    @staticmethod
    def _grown(begun: Size, size: Size) -> bool:
        return size[0] > begun[0] + 4 or size[1] > begun[1] + 4 or size[2] > 1.1 * begun[2] + (32 << 20)

    def close(self) -> None:
        """End what is still running, and take the disks away."""
        if self._daemon.process.poll() is None:
            self._daemon.process.send_signal(signal.SIGCONT)
            self._daemon.process.kill()
            self._daemon.process.wait()
        for path in reversed(self._mounted):
            subprocess.run(["umount", "-l", path], check=False)

    # What is there

    def _mount_disks(self) -> bool:
        """Put inbox and outputs on disks that can be taken away; return whether this is possible here."""
        stores = self._place / "inbox-store", self._place / "out-store"
        for path in (self.inbox, self.out, *stores):
            path.mkdir()
        if os.name == "nt" or os.geteuid() != 0:
            return False
        for store in stores:
            command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", store]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return False
            self._mounted.append(store)
        for path, store in zip((self.inbox, self.out), stores, strict=True):
            (store / "here").mkdir()
            self._mount(path, store)
        return True

    def _mount(self, path: Path, store: Path) -> None:
        subprocess.run(["mount", "--bind", store / "here", path], check=True)
        self._mounted.append(path)

    def _make(self, kind: str, number: int) -> bytes:
        path = save(self._place / "pool" / kind / f"{number}.{kind}", 120 + number, 80, seed=number)
        return path.read_bytes()

    def _run(self, inbox: Path, out: Path) -> dict[str, int]:
        command = [sys.executable, "-m", "imgtrans", "run", inbox, "-o", out, *OPTIONS, "--json"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert said.returncode in (0, 1), said.stderr
        told = [json.loads(line) for line in said.stdout.splitlines()]
        return {name: sum(one.get("status") == name for one in told) for name in ("translated", "skipped", "failed")}

    def _start(self) -> Daemon:
        if self.done:
            self.said += self._daemon.err.read_text()
        daemon = Daemon(self._place, "inbox", "-o", "out", *OPTIONS, "--settle", 0.2)
        daemon.wait_for(lambda: "watching inbox" in daemon.err.read_text(), "the start")
        self._started = True
        return daemon

    def _restarted(self) -> bool:
        """Whether it was started since the last time that somebody asked."""
        started, self._started = self._started, False
        return started

    def _size(self) -> Size:
        """Return its size while it watches; while it waits for a disk it has less."""
        until(lambda: self._daemon.events[-1]["event"] != "waiting", "it watches again", DEADLINE)
        process = psutil.Process(self._daemon.process.pid)
        return process.num_fds(), process.num_threads(), process.memory_info().rss

    # What is done to it

    def _do_something(self) -> None:
        things: dict[Callable[[], None], int] = {
            self._create: 10, self._create_by_rename: 4, self._write_slowly: 3, self._pause: 3, self._complete: 3,
            self._overwrite: 5, self._rename: 5, self._delete: 4, self._truncate: 2, self._move_folder: 2,
            self._remove_folder: 1, self._burst: 1, self._stop_and_go_on: 1, self._kill_workers: 1, self._kill: 1,
            self._terminate: 1, self._wait: 6,
        }  # fmt: skip
        if self.can_unmount:
            things |= {self._unmount_inbox: 1, self._unmount_out: 1, self._fill_disk: 1}
        thing = self._draw.choices([*things], [*things.values()])[0]
        self.done.append(f"{time.strftime('%H:%M:%S')} {thing.__name__}")
        thing()

    def _note(self, text: str) -> None:
        self.done[-1] += f" {text}"

    def _new(self, kind: str) -> Path:
        self._count += 1
        folder = self._draw.choice(["", "", "one", "two", "two/deep"])
        path = self.inbox / folder / f"{self._count}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._note(str(path.relative_to(self.inbox)))
        return path

    def _content(self, kind: str = "") -> Content:
        return kind or self._draw.choice(KINDS), self._draw.randrange(POOL)

    def _stands(self, path: Path, content: Content) -> None:
        name = str(path.relative_to(self.inbox))
        self._broken.pop(name, None)
        self._standing[name] = content

    def _some(self) -> Path | None:
        """Return a whole picture."""
        if not self._standing:
            return None
        name = self._draw.choice(sorted(self._standing))
        self._note(name)
        return self.inbox / name

    def _create(self) -> None:
        content = self._content()
        path = self._new(content[0])
        path.write_bytes(self._wholes[content])
        self._stands(path, content)

    def _create_by_rename(self) -> None:
        content = self._content()
        path = self._new(content[0])
        hidden = path.with_name(f".{path.name}.upload")
        hidden.write_bytes(self._wholes[content])
        hidden.rename(path)
        self._stands(path, content)

    def _burst(self) -> None:
        for _ in range(30):
            self._create()

    def _write_slowly(self) -> None:
        content = self._content()
        path = self._new(content[0])
        whole = self._wholes[content]
        with path.open("wb") as file:
            for start in range(0, len(whole), len(whole) // 4):
                file.write(whole[start : start + len(whole) // 4])
                file.flush()
                time.sleep(0.15)
        self._stands(path, content)

    def _pause(self) -> None:
        content = self._content()
        path = self._new(content[0])
        path.write_bytes(self._wholes[content][: self._draw.randrange(len(self._wholes[content]))])
        self._broken[str(path.relative_to(self.inbox))] = content

    def _complete(self) -> None:
        for name, content in [*self._broken.items()]:
            self._note(name)
            with (self.inbox / name).open("ab") as file:
                file.write(self._wholes[content][file.tell() :])
            self._stands(self.inbox / name, content)

    def _overwrite(self) -> None:
        if path := self._some():
            content = self._content(path.suffix[1:])
            if self._draw.random() < 0.5:
                path.write_bytes(self._wholes[content])
            else:
                hidden = path.with_name(f".{path.name}.upload")
                hidden.write_bytes(self._wholes[content])
                hidden.rename(path)
            self._stands(path, content)

    def _rename(self) -> None:
        if path := self._some():
            content = self._standing.pop(str(path.relative_to(self.inbox)))
            others = [name for name in sorted(self._standing) if name.endswith(path.suffix)]
            over = others and self._draw.random() < 0.3
            new = self.inbox / self._draw.choice(others) if over else self._new(content[0])
            self._note(f"to {new.relative_to(self.inbox)}")
            path.rename(new)
            self._stands(new, content)

    def _delete(self) -> None:
        if path := self._some():
            path.unlink()
            del self._standing[str(path.relative_to(self.inbox))]

    def _truncate(self) -> None:
        if path := self._some():
            name = str(path.relative_to(self.inbox))
            content = self._standing.pop(name)
            os.truncate(path, self._draw.randrange(len(self._wholes[content])))
            self._broken[name] = content

    def _move_folder(self) -> None:
        self._count += 1
        old, new = self._draw.choice(["one", "two"]), f"moved-{self._count}"
        if (self.inbox / old).is_dir():
            (self.inbox / old).rename(self.inbox / new)
            for known in (self._standing, self._broken):
                for name in [name for name in known if name.startswith(f"{old}/")]:
                    known[f"{new}{name[len(old) :]}"] = known.pop(name)

    def _remove_folder(self) -> None:
        folders = [path for path in self.inbox.iterdir() if path.is_dir()]
        if folders:
            gone = self._draw.choice(sorted(folders))
            self._note(gone.name)
            shutil.rmtree(gone)
            for known in (self._standing, self._broken):
                for name in [name for name in known if name.startswith(f"{gone.name}/")]:
                    del known[name]

    def _wait(self) -> None:
        time.sleep(self._draw.random() * 0.6)

    # What is done to the daemon and its disks

    def _stop_and_go_on(self) -> None:
        self._daemon.process.send_signal(signal.SIGSTOP)
        self._create()
        time.sleep(0.5)
        self._daemon.process.send_signal(signal.SIGCONT)

    def _kill_workers(self) -> None:
        for one in psutil.Process(self._daemon.process.pid).children():
            one.kill()

    def _kill(self) -> None:
        self._daemon.process.kill()
        self._daemon.process.wait()
        self._overwrite()
        self._daemon = self._start()

    def _terminate(self) -> None:
        code, said = self._daemon.stop()
        assert code == 0, said
        self._delete_an_output()
        self._create()
        self._daemon = self._start()

    def _delete_an_output(self) -> None:
        """Somebody deletes an output, which is seen at the next look: so it is done before a restart."""
        outputs = sorted(path for path in self.out.rglob("*") if path.suffix[1:] in KINDS)
        if outputs:
            self._draw.choice(outputs).unlink()

    def _unmount_inbox(self) -> None:
        self._unmounted(self.inbox, self._place / "inbox-store")

    def _unmount_out(self) -> None:
        self._create()
        self._unmounted(self.out, self._place / "out-store")

    def _unmounted(self, path: Path, store: Path) -> None:
        subprocess.run(["umount", "-l", path], check=True)
        self._mounted.remove(path)
        time.sleep(self._draw.random() * 2)
        deadline = time.monotonic() + DEADLINE
        while path == self.out and (strays := [one for one in path.rglob("*") if one.is_file()]):
            # What was just being written when the disk went is taken away as soon as that is noticed.
            assert all(one.suffix == ".tmp" for one in strays), f"written into the bare mount point: {strays}"
            assert time.monotonic() < deadline, f"left in the bare mount point: {strays}"
            time.sleep(0.05)
        self._mount(path, store)

    def _fill_disk(self) -> None:
        filler = self._place / "out-store" / "filler"
        free = os.statvfs(filler.parent)
        with contextlib.suppress(OSError):  # it may fill up before we have filled it
            filler.write_bytes(bytes(free.f_bavail * free.f_bsize))
        for _ in range(3):
            self._create()
        time.sleep(self._draw.random() * 2)
        filler.unlink()

    # What must be true of it

    def _check(self) -> None:
        """Wait until every whole picture has its output; and nothing else may have one that is not whole."""
        deadline = time.monotonic() + DEADLINE
        while wrong := [*self._wrong()]:
            assert self._daemon.process.poll() is None, "it has ended by itself"
            assert time.monotonic() < deadline, f"no up-to-date output of {wrong[:5]}\n{self._about(wrong[0])}"
            time.sleep(0.1)
        said = self._daemon.err.read_text()
        assert "Traceback" not in said and "bug" not in said, said

    def _about(self, name: str) -> str:
        """Return all that tells what became of a picture."""
        stem = f"{Path(name).stem}."
        to_all = re.compile("_(move|remove|unmount|fill|kill|terminate)")
        story = [one for one in self.done if stem in one or to_all.search(one)]
        said = (self.said + self._daemon.err.read_text()).splitlines()
        told = [line for line in said if stem in line or not re.search(" info: inbox", line)]
        output = self.out / name
        if output.exists():
            made, wholes = output.read_bytes(), self._place.glob("expected/*/*")
            like = f"{output.stat()}, like {[str(one) for one in wholes if one.read_bytes() == made]}"
        else:
            like = "there is none"
        return "\n".join([*story[-30:], *told[-30:], str((self.inbox / name).stat()), like])

    def _tidy_up(self) -> None:
        """Somebody makes room: pictures beyond so many go, and so do outputs whose sources are gone."""
        for name in self._draw.sample(sorted(self._standing), max(0, len(self._standing) - MOST)):
            (self.inbox / name).unlink()
            del self._standing[name]
        for path in [path for path in self.out.rglob("*") if path.suffix[1:] in KINDS]:
            if str(path.relative_to(self.out)) not in {*self._standing, *self._broken}:
                path.unlink(missing_ok=True)

    def _wrong(self) -> Iterator[str]:
        for name, (kind, number) in self._standing.items():
            expected = self._place / "expected" / kind / f"{number}.{kind}"
            try:
                if (self.out / name).read_bytes() == expected.read_bytes():
                    continue
            except OSError:
                pass
            yield name

    def _end(self) -> None:
        """Stop it: nothing is left over, and ``run`` finds that all is done."""
        code, said = self._daemon.stop()
        assert code == 0, said
        left = [path for path in self.out.rglob("*.tmp") if path.is_file()]
        assert not left, f"left over: {left}"
        counts = self._run(self.inbox, self.out)
        assert counts["translated"] == 0, counts
        assert counts["skipped"] == len(self._standing), (counts, len(self._standing))


def describe(size: Size) -> str:
    """Return the size of a process in words."""
    return f"{size[0]} file descriptors, {size[1]} threads, {size[2] >> 20} MB"


def main(minutes: float, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        place = Path(name)
        os.environ["IMGTRANS_HOME"] = str(place / "home")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        install_tiny()
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # taking the disks away
        print(f"seed {seed}", flush=True)
        soak = Soak(place, seed)
        if not soak.can_unmount:
            print("disks are neither unmounted nor filled: only root may do that", flush=True)
        try:
            soak.play(60 * minutes)
        except BaseException:
            print(*soak.done[-3 * ROUND :], (place / "stderr").read_text()[-6000:], sep="\n", flush=True)
            raise
        finally:
            soak.close()
    print("every picture had its output, nothing was lost, nothing grew", flush=True)


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES,
        int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**6,
    )
