#!/bin/sh
# Makes the virtual environment that `make` needs, or finds within milliseconds that it stands.
#   venv.sh run    what `make run` needs      (requirements-local.lock)
#   venv.sh test   that, and all the tools    (requirements-dev.lock; serves `run` as well)
# VENV names the folder, .venv by default. Packages come with hashes from the lock; the project itself is installed editable.
# Plain sh and nothing that a bare machine lacks, for this runs before anything is installed.
set -eu
cd "$(dirname "$0")/../.."
venv=${VENV:-.venv}
purpose=${1:-run}
stamps=$venv/.latchkey
case $purpose in
  run) lock=requirements-local.lock ;;
  test) lock=requirements-dev.lock ;;
  *) echo "usage: venv.sh run|test" >&2; exit 2 ;;
esac

# A stamp is a copy of what was installed: the same bytes mean that nothing is to be done.
stands() { [ -x "$venv/bin/python" ] && cmp -s "$1" "$stamps/$1"; }
dependencies_stand() { stands "$lock" || { [ "$purpose" = run ] && stands requirements-dev.lock; }; }
project_stands() { stands pyproject.toml && [ "$(cat "$stamps/root" 2>/dev/null)" = "$PWD" ]; }

say() { echo "latchkey: $*"; }

# The first Python that is new enough and can make environments (Debian ships it without ensurepip).
find_python() {
  for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  cat >&2 <<'HELP'
latchkey: no Python found that is 3.11 or newer and can make virtual environments. Install one, for example
  Debian, Ubuntu   apt-get install python3 python3-venv
  Fedora           dnf install python3
  macOS            brew install python@3.13
or name it: make run PYTHON=/path/to/python3
HELP
  return 1
}

# Runs pip, says how far it is in a line now and then, and shows its whole output only when it fails.
install() {
  label=$1 total=$2
  shift 2
  log=$stamps/install.log
  {
    "$venv/bin/python" -m pip install --progress-bar off "$@" 2>&1 || echo "pip-failed"
  } | tee "$log" | awk -v label="$label" -v total="$total" '
    /^ *(Collecting|Processing|Requirement already satisfied)/ && total && ++seen % 20 == 0 { printf "latchkey:   %s: %d of %d packages\n", label, seen, total; fflush() }
    /^Installing collected packages/ && total { printf "latchkey:   %s: unpacking\n", label; fflush() }'
  if grep -q '^pip-failed$' "$log"; then
    cat "$log" >&2
    say "pip failed; its output stands above" >&2
    exit 1
  fi
}

make_venv() {
  [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 && return
  python=$(find_python)
  say "making $venv with $("$python" --version)"
  rm -rf "$venv"
  "$python" -m venv "$venv"
}

install_dependencies() {
  count=$(grep -c '^[a-zA-Z0-9]' "$lock")
  say "installing $count packages from $lock (once; a minute or two when nothing is cached)"
  install "dependencies" "$count" --require-hashes -r "$lock"
  cp "$lock" "$stamps/$lock"
}

# The build backend is pinned in the development lock; the environment of `make run` takes just that from it.
install_project() {
  say "installing the project, editable"
  awk '/^[^ #]/ { wanted = /^setuptools==/ } wanted' requirements-dev.lock >"$stamps/build.lock"
  install "build backend" 0 --require-hashes -r "$stamps/build.lock"
  install "project" 0 --no-deps --no-build-isolation -e .
  cp pyproject.toml "$stamps/pyproject.toml"
  echo "$PWD" >"$stamps/root"
}

if dependencies_stand && project_stands; then exit 0; fi
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
make_venv
mkdir -p "$stamps"
dependencies_stand || install_dependencies
project_stands || install_project
say "the environment is ready"
