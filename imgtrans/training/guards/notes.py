"""What trouble a run has met and what was done about it, as ``troubles.jsonl`` in its folder."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from imgtrans.files import written_atomically
from imgtrans.training.guards.trouble import Trouble

TROUBLES = "troubles.jsonl"
ENDED = "the training was ended"


@dataclass(frozen=True)
class Note:
    """A trouble.

    Attributes:
        trouble: It.
        done: What was done about it, as a sentence without its full stop; "" for nothing.
    """

    trouble: Trouble
    done: str = ""


def read_notes(folder: Path) -> list[Note]:
    """Return the troubles of a run, in the order in which they were met."""
    path = folder / TROUBLES
    if not path.exists():
        return []
    notes = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        notes.append(Note(Trouble(row["kind"], row["step"], row["said"]), row["done"]))
    return notes


def write_notes(folder: Path, notes: Sequence[Note]) -> None:
    """Write the troubles of a run, all of them.

    Raises:
        OSError: If they cannot be written.
    """
    path = folder / TROUBLES
    if not notes and not path.exists():
        return
    lines = [json.dumps({**asdict(note.trouble), "done": note.done}) for note in notes]
    with written_atomically(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def cut_back(folder: Path, step: int) -> None:
    """Forget what a run will meet again when it goes on after a step; what was done about trouble stays."""
    write_notes(folder, [note for note in read_notes(folder) if note.done or note.trouble.step <= step])


def add_note(folder: Path, note: Note) -> None:
    """Add a trouble to those of a run."""
    write_notes(folder, [*read_notes(folder), note])
