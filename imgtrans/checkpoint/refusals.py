"""Sentences that refuse a file, and the bounds beyond which one is refused."""

from pathlib import Path

from imgtrans.errors import ModelError

READABLE = (
    "imgtrans reads safetensors files and PyTorch checkpoints (.pth, .pt, .ckpt, .bin, .pkl, ...) of generators of the "
    "CycleGAN family"
)
GET_AGAIN = "get the file again"

# A training checkpoint of four networks and their optimisers has about 1,500 tensors in 500 MB.
MOST_BYTES = 16 << 30
MOST_TENSORS = 100_000


def damaged(path: Path, why: object) -> ModelError:
    """Return the error for a file that breaks off or contradicts itself."""
    return ModelError(f"{path} is damaged or incomplete: {plain(why)}", GET_AGAIN)


def too_many(path: Path, tensors: int) -> ModelError:
    """Return the error for a file of more tensors than any network of this kind has."""
    return ModelError(f"{path} holds {tensors:,} tensors, more than any network that imgtrans knows", READABLE)


def plain(what: object) -> str:
    """Return the first line of a text or an error as one that a terminal can show, whatever a file put into it."""
    lines = (str(what).strip() or type(what).__name__).splitlines()
    text = "".join(letter if letter.isprintable() else "?" for letter in lines[0][:300])
    return text.rstrip(".")


def listed(names: list[str], most: int = 4) -> str:
    """Return the first of a file's names for a sentence."""
    first = [name if len(name) <= 60 else f"{name[:57]}..." for name in map(plain, names[:most])]
    return ", ".join([*first, "..."] if len(names) > most else first)
