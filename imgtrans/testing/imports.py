"""The check that a plugin stands on the public API alone."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from imgtrans.testing.promise import require

PUBLIC = (
    "imgtrans",
    "imgtrans.errors",
    "imgtrans.executors.pipeline",
    "imgtrans.models",
    "imgtrans.protocols",
    "imgtrans.sessions",
    "imgtrans.testing",
)


def check_imports(package: Path) -> None:
    """Check that a plugin imports nothing of imgtrans but its public modules.

    Args:
        package: The folder of the plugin's package.

    Raises:
        AssertionError: If it imports something else; the message says where.
    """
    sources = sorted(package.rglob("*.py"))
    require(bool(sources), f"{package} holds no Python files")
    for source in sources:
        for line, module in _imported(source):
            require(
                module.split(".")[0] != "imgtrans" or module in PUBLIC,
                f"{source}, line {line}, imports {module}; public are {', '.join(PUBLIC)}",
            )


def _imported(source: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            if node.module == "imgtrans":  # which has modules and, beside them, public names
                inside = (f"imgtrans.{alias.name}" for alias in node.names)
                yield from ((node.lineno, name) for name in inside if find_spec(name))
