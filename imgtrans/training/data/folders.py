"""Where the pictures of a training stand: a data set's four folders, or any two."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from imgtrans.errors import UsageError


@dataclass(frozen=True)
class Folders:
    """The folders of two domains.

    Attributes:
        A: Of the pictures of domain A that are trained on; folders below it count.
        B: Of those of domain B.
        test_A: Of pictures of domain A that are not trained on; None if there are none of one of the domains.
        test_B: Of those of domain B.
        root: The data set's folder; None if the folders are any.
    """

    A: Path
    B: Path
    test_A: Path | None = None
    test_B: Path | None = None
    root: Path | None = None

    @classmethod
    def of(cls, root: Path) -> "Folders":
        """Return those of a data set, as everybody lays it out."""
        tests = root / "testA", root / "testB"
        test_A, test_B = tests if all(folder.is_dir() for folder in tests) else (None, None)
        return cls(root / "trainA", root / "trainB", test_A, test_B, root)

    @property
    def name(self) -> str:
        """What a training on them is called if nobody says otherwise."""
        if self.root is not None:
            return self.root.resolve().name
        return f"{self.A.resolve().name}2{self.B.resolve().name}"

    @property
    def described(self) -> str:
        """What stands in the card as the data set."""
        return self.name if self.root is not None else f"{self.A.resolve().name} and {self.B.resolve().name}"


Data: TypeAlias = Path | Folders


def folders_of(data: Data) -> Folders:
    """Return the folders of a data set, which may be given by its own folder."""
    return data if isinstance(data, Folders) else Folders.of(data)


def named(
    data: Path | None, A: Path | None, B: Path | None, test_A: Path | None = None, test_B: Path | None = None
) -> Folders:
    """Return the folders that a command line names.

    Raises:
        UsageError: If it does not name a data set or two folders, or both.
    """
    others = {"--a": A, "--b": B, "--test-a": test_A, "--test-b": test_B}
    given = [option for option, folder in others.items() if folder is not None]
    if data is not None and given:
        raise UsageError(f"--data and {given[0]} name the pictures twice", "give the data set, or --a and --b")
    if data is not None:
        return Folders.of(data)
    if A is None or B is None:
        raise UsageError(
            "there are no pictures to train on" if not given else f"{given[0]} alone is not enough",
            "give the folder that holds trainA and trainB as --data, or two folders as --a and --b",
        )
    if (test_A is None) != (test_B is None):
        raise UsageError("--test-a and --test-b belong together", "give both or neither")
    return Folders(A, B, test_A, test_B)
