"""What can go wrong with a training, in words: what was found, and what to do about it."""

from dataclasses import dataclass

from imgtrans.errors import UnavailableError

ON_TROUBLE = ("warn", "stop", "rollback")

# Each kind of trouble, and what to do about it.
HINTS = {
    "diverged": "resume from the last checkpoint with --precision float32, or start again with another --seed",
    "apart": "start again with a lower --learning-rate (the paper's is 0.0002)",
    "spike": "one alone mostly passes; if they come again, clip gradients (--clip-norm 1) or lower --learning-rate",
    "discriminator": "the generator learns nothing more from it: more or more varied pictures on that side, a larger "
    "--pool-size, a lower --learning-rate, or see whether something gives the side away, as a frame or a size",
    "saturated": "start again with a lower --learning-rate, or a higher --identity-weight",
    "inverted": "raise --identity-weight (the paper's is 0.5), which holds colours, or start again with another --seed",
    "collapsed": "raise --cycle-weight, or start again with another --seed; --accumulate 4 steadies it too",
}
# What is over again after a moment, and says nothing about the weights at the end.
PASSING = frozenset({"spike"})


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong.

    Attributes:
        kind: One of :data:`HINTS`.
        step: When it was found.
        said: What was found, as a sentence without its full stop.
    """

    kind: str
    step: int
    said: str

    @property
    def hint(self) -> str:
        """What to do about it."""
        return HINTS[self.kind]


class TroubleError(UnavailableError):
    """A training cannot, or is not to, go on as it goes.

    Args:
        trouble: Why.
    """

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.said, trouble.hint)
        self.trouble = trouble
