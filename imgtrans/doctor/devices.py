"""What networks can be computed on, and whether the computing is right."""

import shutil
from collections.abc import Iterator

from imgtrans.doctor.finding import GOOD, NOTE, WRONG, Finding
from imgtrans.errors import ImgtransError
from imgtrans.memory import in_words

_TOLERANCE = {"float32": 2, "bfloat16": 24}  # levels of 255 that the largest difference from the reference may be
_HEIGHT = 128  # of the photograph that is translated


def check_devices() -> Iterator[Finding]:
    """Look at the devices that PyTorch finds here."""
    import torch

    from imgtrans.devices import KINDS, describe_device

    yield Finding(GOOD, f"cpu ({torch.backends.cpu.get_cpu_capability()})")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            able = f"compute capability {about.major}.{about.minor}"
            yield Finding(GOOD, f"cuda:{index} {about.name}, {in_words(about.total_memory)}, {able}")
    elif torch.version.cuda and shutil.which("nvidia-smi"):
        yield Finding(
            NOTE,
            "there is an NVIDIA driver, but PyTorch finds no CUDA device",
            "is the driver new enough for this PyTorch?",
        )
    elif shutil.which("nvidia-smi"):
        yield Finding(
            NOTE, "there is an NVIDIA driver, but this PyTorch is built for the CPU alone", "install PyTorch for CUDA"
        )
    else:
        yield Finding(GOOD, "no CUDA device")
    for kind in KINDS[1:]:
        for index in range(kind.count()):
            device = torch.device(kind.name, index)
            free = in_words(kind.free(device))
            said = f"{describe_device(device)}, {kind.title}, {free} of memory free; imgtrans was not tried on one"
            yield Finding(NOTE, said, "if pictures come out wrong, use --device cpu, and report it")


def check_translation() -> Iterator[Finding]:
    """Translate a photograph as ``run`` would, and compare with plain float32 on the CPU."""
    import numpy as np
    import torch

    from imgtrans.batch.asked import DEFAULT_MODEL
    from imgtrans.devices import choose_device, choose_precision, describe_device, describe_precision
    from imgtrans.opening import PLAIN, describe_backend
    from imgtrans.zoo.photographs import meadow
    from imgtrans.zoo.session import open_session, prepared
    from imgtrans.zoo.store import find

    model = find(DEFAULT_MODEL)
    pictures = prepared(model, meadow(_HEIGHT))
    reference = open_session(model, torch.device("cpu"), torch.float32, PLAIN).session.run(pictures)
    device = choose_device("auto")
    precision = choose_precision("auto", device)
    opened = open_session(model, device, precision)
    largest = int(np.abs(opened.session.run(pictures).astype(int) - reference.astype(int)).max())
    name = describe_precision(precision)
    said = (
        f"{model.name} on {describe_device(device)} in {name} ({describe_backend(opened.backend, opened.reason)}) "
        f"translates a photograph; it differs from the reference by {largest} of 255 at most"
    )
    if largest > _TOLERANCE[name]:
        yield Finding(WRONG, said, "that is too much: run with --backend eager, and report it")
    else:
        yield Finding(GOOD, said)


def check_models() -> Iterator[Finding]:
    """Look whether the files of all models are what their cards say."""
    from imgtrans.zoo import store
    from imgtrans.zoo.verify import GET_AGAIN, OK, verify

    names = store.names()
    wrong = [verdict for name in names if (verdict := verify(name)).state != OK]
    for verdict in wrong:
        yield Finding(WRONG, f"model {verdict.name}: {verdict.problem}", GET_AGAIN)
    if not wrong:
        yield Finding(GOOD, f"{len(names)} models are what their cards say: {', '.join(names)}")


def check_plugins() -> Iterator[Finding]:
    """Load every plugin."""
    from imgtrans.registry import CORE, GROUPS, load, registered

    plugins = [one for group in GROUPS for one in registered(group) if one.package != CORE]
    for one in plugins:
        what = f"{one.package} {one.version}: {one.group.rpartition('.')[2]} {one.name!r}"
        if one.left_out:
            yield Finding(NOTE, f"{what} is left out: {one.left_out}")
            continue
        try:
            load(one)
            yield Finding(GOOD, what)
        except ImgtransError as error:
            yield Finding(WRONG, f"{what} cannot be used: {error.message}", f"update {one.package}, or uninstall it")
    if not plugins:
        yield Finding(GOOD, "no plugins")
