#!/bin/sh
# planner_check.sh: The Dynamo planner's own code, new (1.6.1) and old (0.9.1), must accept the curves of an output directory.
#   run:  test/interop/planner_check.sh OUTPUT_DIR [VENV]
#   VENV defaults to ~/.cache/sextant/planner-venv and is made on the first run (PyPI, about 600 MB, 30 s).
#   exit: 0 accepted, 1 refused, 2 the planner's code cannot be had (no network)
set -eu
directory=${1:?usage: planner_check.sh OUTPUT_DIR [VENV]}
venv=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/sextant/planner-venv}
here=$(cd "$(dirname "$0")" && pwd)

make_venv() {
  rm -rf "$venv"
  python3 -m venv "$venv" || return 1
  pip="$venv/bin/pip --disable-pip-version-check --quiet"
  # The declared dependencies cannot be installed from PyPI alone; these are the ones that the planner's models import.
  $pip install --no-deps ai-dynamo==1.6.1 ai-dynamo-runtime==1.6.1 || return 1
  $pip install 'pydantic<=2.13.5' uvloop packaging pyyaml msgspec numpy scipy scikit-learn 'kubernetes>=32.0.1,<33' 2>"$venv/pip.log" || return 1
  wheel=$(mktemp -d)
  $pip download --no-deps --dest "$wheel" ai-dynamo==0.9.1 || return 1
  python3 -m zipfile -e "$wheel"/ai_dynamo-0.9.1*.whl "$wheel/unpacked"
  mkdir -p "$venv/planner09"
  find "$wheel/unpacked" -name perf_interpolation.py -exec cp {} "$venv/planner09/" \;
  rm -rf "$wheel"
  touch "$venv/complete"
}

[ -e "$venv/complete" ] || make_venv || { echo "planner_check: the planner's packages cannot be installed" >&2; exit 2; }
exec "$venv/bin/python" "$here/planner_check.py" "$directory"
