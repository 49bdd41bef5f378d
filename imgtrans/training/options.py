"""What a training run is told: one frozen record, saved with the run."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from imgtrans.errors import UsageError
from imgtrans.quality.extractor import EXTRACTORS
from imgtrans.training.data.augment import Augmentation
from imgtrans.training.guards.trouble import ON_TROUBLE
from imgtrans.training.objectives.choice import DEFAULTS, check_uses

MAY_CHANGE_ON_RESUME = frozenset(
    {"epochs", "decay_epochs", "steps", "learning_rate", "cycle_weight", "identity_weight", "ema_decay"}
    | {"spike_weight", "clip_norm", "relaxed_cycle", "nce_weight"}
    | {"device", "precision", "backend", "workers", "save_minutes", "grid_every", "keep", "on_trouble"}
    | {"evaluate_every", "score_by"}
)

# The least and the most of each number. The most is far beyond what anybody trains with, and below what breaks.
_LIMITS: dict[str, tuple[float, float]] = {
    "ngf": (1, 1024), "blocks": (0, 256), "crop": (32, 8192), "scale_jitter": (1, 64), "batch_size": (1, 1024),
    "epochs": (0, 10**9), "decay_epochs": (0, 10**9), "steps": (0, 10**12),
    "learning_rate": (0, 1e9), "cycle_weight": (0, 1e9), "identity_weight": (0, 1e9), "spike_weight": (0, 1e9),
    "relaxed_cycle": (0, 1), "nce_weight": (0, 1e9), "gradient_penalty": (0, 1e9), "scales": (1, 8),
    "pool_size": (0, 10**6), "ema_decay": (0, 1), "seed": (0, 2**63 - 1), "workers": (0, 256),
    "save_minutes": (0, 1e9), "grid_every": (1, 10**12), "evaluate_every": (0, 10**12),
    "accumulate": (1, 4096), "clip_norm": (0, 1e9), "colour_jitter": (0, 1), "rotate": (0, 180), "keep": (1, 10**6),
}  # fmt: skip


@dataclass(frozen=True)
class TrainOptions:
    """The settings of a training run; the defaults are the CycleGAN paper's.

    Attributes:
        objective: What the generators are asked to learn, by its name in the registry.
        ngf: Width of the generators.
        blocks: Residual blocks of the generators.
        upsampling: Of the generators: ``nearest`` or ``transpose``.
        crop: Side of the square training crop, in pixels.
        scale_jitter: Each crop is zoomed in by a factor drawn from [1, scale_jitter].
        flip: Whether crops are mirrored half of the time.
        colour_jitter: Brightness, contrast and saturation of crops are multiplied by factors of 1 less this to 1 more.
        rotate: Crops are turned by up to so many degrees.
        batch_size: Pictures of each domain that are computed together.
        accumulate: Batches whose gradients are averaged before each update; a step is one update.
        epochs: Epochs at a constant learning rate; an epoch is the larger domain once.
        decay_epochs: Epochs in which the learning rate falls linearly to zero.
        steps: Train for so many steps instead, half of them decaying; 0 means "by epochs".
        learning_rate: Of Adam, with betas (0.5, 0.999).
        clip_norm: The most that the norm of an optimiser's gradients can be; 0 leaves them as they are.
        cycle_weight: Weight of the cycle loss.
        identity_weight: Weight of the identity loss, as a fraction of ``cycle_weight``; 0 leaves it out.
        relaxed_cycle: The share of the cycle loss that compares what discriminators see instead of pixels, 0 to 1.
        nce_weight: Weight of the contrastive loss of patches.
        gradient_penalty: Weight of the zero-centred penalty on discriminators' gradients at real pictures.
        spectral_norm: Whether discriminators are under a spectral norm.
        scales: Sizes at which discriminators look at pictures, each half of the one before.
        diffaugment: Whether discriminators see pictures changed at random.
        pool_size: Past fakes kept for each discriminator.
        ema_decay: Of an exponential moving average of the generators' weights, which then is the result; 0 for none.
        spike_weight: Weight of the penalty on spikes in the generators' trunks, which make blots; 0 leaves it out.
        seed: Of weights, order, crops and pools.
        init: Zoo model that the forward generator starts from, and its reverse where there is one; "" for none.
        device: ``auto``, ``cpu`` or ``cuda[:n]``.
        precision: ``auto``, ``float32`` or ``bfloat16`` (autocast; weights stay in float32).
        backend: How steps are computed: ``auto``, ``eager`` (plain PyTorch), ``recorded`` (plain; on CUDA one graph).
        workers: Processes that load pictures; 0 loads in this one.
        save_minutes: Minutes between checkpoints; 0 saves after every step.
        grid_every: Steps between picture grids, and looks of the guards at what generators make.
        evaluate_every: Steps between scores of the test pictures, if there are enough; 0 for none.
        score_by: The extractor whose KID decides which weights are the best.
        keep: Checkpoints that are kept, the last one included.
        on_trouble: What is done about trouble that the guards find: ``warn``, ``stop`` or ``rollback``.
    """

    objective: str = "cyclegan"
    ngf: int = 64
    blocks: int = 9
    upsampling: str = "nearest"
    crop: int = 256
    scale_jitter: float = 1.0
    flip: bool = True
    colour_jitter: float = 0.0
    rotate: float = 0.0
    batch_size: int = 1
    accumulate: int = 1
    epochs: int = 100
    decay_epochs: int = 100
    steps: int = 0
    learning_rate: float = 2e-4
    clip_norm: float = 0.0
    cycle_weight: float = 10.0
    identity_weight: float = 0.5
    relaxed_cycle: float = 0.0
    nce_weight: float = 1.0
    gradient_penalty: float = 0.0
    spectral_norm: bool = False
    scales: int = 1
    diffaugment: bool = False
    pool_size: int = 50
    ema_decay: float = 0.0
    spike_weight: float = 0.0
    seed: int = 0
    init: str = ""
    device: str = "auto"
    precision: str = "auto"
    backend: str = "auto"
    workers: int = 2
    save_minutes: float = 5.0
    grid_every: int = 500
    evaluate_every: int = 5000
    score_by: str = "classifier"
    keep: int = 1
    on_trouble: str = "warn"

    def __post_init__(self) -> None:
        for name, (least, most) in _LIMITS.items():
            _check_number(f"--{name.replace('_', '-')}", getattr(self, name), least, most)
        if self.ema_decay >= 1:
            raise UsageError(f"--ema-decay must be at least 0 and below 1, not {self.ema_decay:g}")
        if self.upsampling not in ("nearest", "transpose"):
            raise UsageError(f"--upsampling must be nearest or transpose, not {self.upsampling}")
        if self.score_by not in EXTRACTORS:
            raise UsageError(f"--score-by must be one of {', '.join(EXTRACTORS)}, not {self.score_by}")
        if self.on_trouble not in ON_TROUBLE:
            raise UsageError(f"--on-trouble must be warn, stop or rollback, not {self.on_trouble}")
        if self.backend not in ("auto", "eager", "recorded"):
            raise UsageError(f"--backend must be auto, eager or recorded, not {self.backend}")
        if self.crop % 4:
            raise UsageError(f"--crop must be a multiple of 4, not {self.crop}")
        if self.scales > 1 and self.crop < (smallest := 32 * 2 ** (self.scales - 1)):
            raise UsageError(
                f"--scales {self.scales} needs crops of at least {smallest} pixels, not {self.crop}",
                "the smallest scale of a picture has 32 pixels or more: give a larger --crop, or fewer --scales",
            )
        if self.steps == 0 and self.epochs + self.decay_epochs == 0:
            raise UsageError("there is nothing to train: --epochs, --decay-epochs and --steps are all 0")

    def schedule(self, samples_per_epoch: int, processes: int = 1) -> tuple[int, int]:
        """Return ``(all steps, steps at the constant learning rate)`` of so many processes that train together."""
        if self.steps:
            return self.steps, self.steps - self.steps // 2
        steps_per_epoch = -(-samples_per_epoch // (self.pairs_per_step * processes))
        constant = self.epochs * steps_per_epoch
        return constant + self.decay_epochs * steps_per_epoch, constant

    @property
    def pairs_per_step(self) -> int:
        """How many pairs of pictures a step takes."""
        return self.batch_size * self.accumulate

    @property
    def augmentation(self) -> Augmentation:
        """What is changed about crops."""
        return Augmentation(self.flip, self.colour_jitter, self.rotate)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for the checkpoint."""
        return asdict(self)

    @classmethod
    def chosen(cls, given: dict[str, Any]) -> "TrainOptions":
        """Return the settings of a new run: those given, and else the objective's own defaults.

        Raises:
            UsageError: If one makes no sense, or the objective has no use for it.
        """
        objective = given.get("objective", cls.objective)
        check_uses(objective, given, asdict(cls()))
        return cls(**{**DEFAULTS.get(objective, {}), **given})

    @classmethod
    def resumed(cls, saved: dict[str, Any], given: dict[str, Any]) -> "TrainOptions":
        """Return the saved settings of a run with those given now that a run may change half-way.

        Raises:
            UsageError: If ``given`` changes a setting that would make another run of it.
        """
        if "steps" not in given and given.keys() & {"epochs", "decay_epochs"}:
            given = {**given, "steps": 0}
        known = {field.name for field in fields(cls)}
        # A setting that is newer than the run has had its default all along.
        saved = asdict(cls()) | {name: value for name, value in saved.items() if name in known}
        for name, value in given.items():
            if name not in MAY_CHANGE_ON_RESUME and saved.get(name) != value:
                raise UsageError(
                    f"the run was started with {name.replace('_', '-')} = {saved.get(name)}, not {value}",
                    f"leave --{name.replace('_', '-')} out to resume it, or train under another --name",
                )
        check_uses(saved["objective"], given, asdict(cls()))
        return cls(**{**saved, **given})


def learning_rate_factor(step: int, all_steps: int, constant_steps: int) -> float:
    """Return the factor on the learning rate at ``step`` (from 0): 1, then falling linearly to almost 0."""
    if step < constant_steps:
        return 1.0
    return (all_steps - step) / (all_steps - constant_steps + 1)


def _check_number(option: str, value: float, least: float, most: float) -> None:
    if least <= value <= most:
        return
    if value < least == 0:
        raise UsageError(f"{option} cannot be negative")
    if math.isnan(value):
        raise UsageError(f"{option} must be a number from {least:g} to {most:g}")
    bound = f"at least {least:g}" if value < least else f"at most {int(most):,}"
    raise UsageError(f"{option} must be {bound}, not {value}")
