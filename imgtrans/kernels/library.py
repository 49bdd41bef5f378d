"""The kernels in machine code: made at the first use, kept in a folder, and called."""

import contextlib
import ctypes
import hashlib
import re
from functools import cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import platformdirs

from imgtrans.errors import UnavailableError
from imgtrans.files import written_atomically
from imgtrans.kernels.machine import Machine, host
from imgtrans.kernels.winograd import SCHEMES

NAMES = (*(scheme.kernel for scheme in SCHEMES), "direct", "narrow", "addition")

_DIGEST = 32  # bytes of a sha256


class Library:
    """The kernels for a processor; only this machine's own can be called.

    Args:
        machine: The processor.
        folder: Where machine code is kept; None keeps none.
    """

    def __init__(self, machine: Machine, folder: Path | None) -> None:
        self.machine = machine
        target = _target(machine)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code(machine, folder)))
        self._engine.finalize_object()
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
        self._functions = {name: kind(self._engine.get_function_address(name)) for name in NAMES}

    def call(self, name: str, *arguments: int) -> None:
        """Call a kernel with its arguments in their order."""
        # ctypes lets other threads of Python go on meanwhile.
        table = (ctypes.c_int64 * len(arguments))(*arguments)
        self._functions[name](ctypes.addressof(table))


@cache
def library() -> Library:
    """Return the kernels for the processor that this runs on; made anew, which takes seconds, if nothing can be kept.

    Raises:
        UnavailableError: If it has no vectors that they could use.
    """
    machine = host()
    if not machine.lanes:
        raise UnavailableError(f"there are no kernels for this processor ({machine.cpu})")
    return Library(machine, platformdirs.user_cache_path("imgtrans", appauthor=False) / "kernels")


def machine_code(machine: Machine, folder: Path | None = None) -> bytes:
    """Return an object file with the kernels.

    Args:
        machine: The processor that they are for.
        folder: Where it is kept; what is damaged there, or cannot be written, is made anew.
    """
    key = _key(machine)
    path = folder / f"{key}.o" if folder and key else None
    if path is not None:
        with contextlib.suppress(OSError):
            kept = path.read_bytes()
            if hashlib.sha256(kept[_DIGEST:]).digest() == kept[:_DIGEST]:
                return kept[_DIGEST:]
    code = _compiled(machine)
    if path is not None:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_atomically(path) as temporary:
                temporary.write_bytes(hashlib.sha256(code).digest() + code)
    return code


def _key(machine: Machine) -> str:
    """Return what tells one object file from another: what it was made from, for what and by what.

    It is "" if the source is not there to be read, as in a zipapp.
    """
    told = hashlib.sha256(f"{machine} {llvmlite.__version__}".encode())
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    for path in sources:
        told.update(path.read_bytes())
    return told.hexdigest()[:32] if sources else ""


def _target(machine: Machine) -> llvm.TargetMachine:
    return llvm.Target.from_triple(machine.triple).create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )


def _compiled(machine: Machine) -> bytes:
    target = _target(machine)
    module = llvm.parse_assembly(_source(machine))
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False  # it is done by hand
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = target.emit_object(module)
    return code


def _source(machine: Machine) -> str:
    # What writes them is not needed where they are kept, and takes a tenth of a second to import.
    from llvmlite import ir  # noqa: PLC0415

    from imgtrans.kernels.code.addition import write_addition  # noqa: PLC0415
    from imgtrans.kernels.code.direct import write_direct  # noqa: PLC0415
    from imgtrans.kernels.code.winograd import write_winograd  # noqa: PLC0415

    module = ir.Module("kernels")
    module.triple = machine.triple
    write_winograd(module, machine.lanes, machine.rows)
    write_direct(module, machine.lanes, machine.rows)
    write_addition(module, machine.lanes)
    # Some processors are said to like vectors of half their size better; these loops do not.
    width = f'"min-legal-vector-width"="{32 * machine.lanes}" "prefer-vector-width"="{32 * machine.lanes}"'
    return re.sub(r'(define void @"\w+"\(i64 %"[^"]*"\))', rf"\1 {width}", str(module))
