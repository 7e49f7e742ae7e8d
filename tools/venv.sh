#!/bin/sh
# venv.sh REQUIREMENTS: make .venv (once) and install exactly the pinned packages and this project into it.
set -eu
cd "$(dirname "$0")/.."
want=$1
stamp=.venv/.installed-$(basename "$want")
if [ -e "$stamp" ] && [ "$stamp" -nt "$want" ] && [ "$stamp" -nt requirements-build.txt ] && [ "$stamp" -nt pyproject.toml ]; then
  exit 0
fi
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sampan needs Python 3.11 or newer; $python is older" >&2; exit 1; }
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing python3-venv" >&2
    apt-get -qq update >&2 && apt-get install -y -qq --no-install-recommends python3-venv >&2
  else
    echo "Python's venv module is missing: install python3-venv (Debian: apt-get install python3-venv)" >&2
    exit 1
  fi
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
echo "installing $want into .venv" >&2
pip install -q --require-hashes -r requirements-build.txt -r "$want" >&2
pip install -q --no-build-isolation --no-deps -e . >&2
touch "$stamp"
