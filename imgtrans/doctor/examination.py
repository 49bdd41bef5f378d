"""All that is looked at, in its order; a check that breaks is a finding of its own."""

from collections.abc import Iterator

from imgtrans.doctor.finding import WRONG, Check, Finding
from imgtrans.errors import ImgtransError


def areas() -> dict[str, tuple[Check, ...]]:
    """Return the checks of each area; codecs and devices are imported no sooner than they are looked at."""
    from imgtrans.doctor import devices, machine, packages, settings

    def codecs() -> Iterator[Finding]:
        from imgtrans.doctor.codecs import check_codecs

        yield from check_codecs()

    return {
        "program": (packages.check_python, packages.check_torch, packages.check_kernels, packages.check_extras),
        "machine": (machine.check_memory, machine.check_disks, machine.check_watching, machine.check_terminal),
        "devices": (devices.check_devices, devices.check_translation),
        "pictures": (codecs,),
        "models": (devices.check_models,),
        "plugins": (devices.check_plugins,),
        "settings": (settings.check_settings,),
    }


def examine() -> Iterator[tuple[str, Finding]]:
    """Yield what is found, area by area."""
    for area, checks in areas().items():
        for check in checks:
            for finding in _guarded(check):
                yield area, finding


def _guarded(check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except ImgtransError as error:
        yield Finding(WRONG, error.message, error.hint)
    except Exception as error:  # an installation can be broken in any way, and this is to say how
        reason = " ".join(str(error).split())
        yield Finding(
            WRONG, f"{check.__name__.replace('_', ' ')} failed: {type(error).__name__}: {reason}", "please report it"
        )
