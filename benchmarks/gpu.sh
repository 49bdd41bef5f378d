#!/bin/sh
# All that needs a card, in under five minutes: the tests, and the rows of the table, as Markdown and JSON.
#
#     benchmarks/gpu.sh                             # of this checkout, built and installed into a folder of its own
#     benchmarks/gpu.sh --wheels FOLDER             # offline: only the wheels in FOLDER; the rest is what Python has
#     benchmarks/gpu.sh --out FOLDER --full         # where table.md and table.json go; all rounds and pictures
#
# PYTHON names the interpreter (python3), which brings PyTorch for the card and pytest. Nothing is installed into it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
out=${OUT:-gpu-results}
wheels="" quick=--quick
while [ $# -gt 0 ]; do
    case $1 in
        --wheels) wheels=$(cd "$2" && pwd); shift 2 ;;
        --out) out=$2; shift 2 ;;
        --full) quick=""; shift ;;
        *) echo "usage: $0 [--wheels FOLDER] [--out FOLDER] [--full]" >&2; exit 2 ;;
    esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip="$python -m pip --disable-pip-version-check install --quiet --target $work/packages --no-deps"
if [ -n "$wheels" ]; then
    $pip --no-index "$wheels"/*.whl
else
    $pip "$here"
fi
# What is tested is what was installed: tests and benchmarks are copied to where the sources are not.
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here"
cp -R tests benchmarks examples pyproject.toml constraints.txt "$work/"
cd "$work"
export PYTHONPATH="$work/packages:$work${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1
export IMGTRANS_HOME="$work/home" XDG_CACHE_HOME="$work/cache"

echo "== what there is"
"$python" - <<'END'
import sys
import imgtrans, torch
print(f"imgtrans {imgtrans.__version__} from {imgtrans.__file__}, Python {sys.version.split()[0]}, PyTorch {torch.__version__}")
if not torch.cuda.is_available():
    sys.exit("PyTorch finds no CUDA device here, and all of this is about one")
free, total = torch.cuda.mem_get_info()
print(f"{torch.cuda.get_device_name()}, {free / 1e9:.0f} of {total / 1e9:.0f} GB free, CUDA {torch.version.cuda}")
END

# Of both, the other is still worth having if one fails.
status=0
echo "== the tests that need a card"
# Only their own files are looked at: the others want packages that nothing here needs.
"$python" -m pytest -m gpu -p no:cacheprovider -o addopts=--import-mode=importlib -o filterwarnings=default -rs \
    $(grep -rl "mark.gpu" tests --include="test_*.py") > "$out/tests.txt" 2>&1 || status=$?
tail -n 40 "$out/tests.txt"
echo "== the rows that need a card"
"$python" -m benchmarks --device cuda $quick --out "$out" || status=$?
echo "== $out has tests.txt, table.md and table.json"
exit $status
