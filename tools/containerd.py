#!/usr/bin/env python3
"""A real containerd for tests, for root on Debian, without touching the machine's own packages.

    tools/containerd.py prepare [--suite sid|trixie|bookworm]   fetch and unpack once, into the cache
    tools/containerd.py up RUN_DIR [--suite ...]                start one; prints a JSON line: socket, pid, ...
    tools/containerd.py start RUN_DIR                           start the daemon again after `stop` or a kill
    tools/containerd.py stop RUN_DIR                            end the daemon only; its containers go on
    tools/containerd.py down RUN_DIR                            end it, its shims, mounts, bridge and rules

containerd comes from the suite asked for, runc and the CNI plugins from the machine's own suite (later ones need a
later libc). Images are made here, nothing is pulled. Several can run side by side: each has a bridge and subnet of its
own. Only the standard library is used.
"""

import argparse
import contextlib
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

SUITES = ("sid", "trixie", "bookworm")
CACHE = Path(__file__).resolve().parents[1] / ".test-tools" / "containerd"
LAYOUT = "4"
"""Part of the cache's stamp: raise it when what is cached changes."""
APPLETS = (
    "sh ash cat chmod cp date df dd echo env false free grep head hostname httpd id ifconfig ip kill ln ls mkdir "
    "mount mv nc nslookup ping ps pwd rm route sed seq sleep stat sync tail tar tee test touch tr true umount uname "
    "vi wc wget whoami"
)
PAUSE = "#!/bin/sh\ntrap 'exit 0' TERM INT\nwhile :; do sleep 86400 & wait $!; done\n"
CONFIG = {
    3: """version = 3
root = "{run}/root"
state = "{run}/state"
oom_score = 0
[grpc]
  address = "{run}/containerd.sock"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = 'docker.io/local/pause:1'
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['{tree}/usr/lib/cni']
    conf_dir = '{run}/net.d'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = '{tree}/usr/sbin/runc'
      SystemdCgroup = false
""",
    2: """version = 2
root = "{run}/root"
state = "{run}/state"
oom_score = 0
[grpc]
  address = "{run}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/local/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{tree}/usr/lib/cni"
    conf_dir = "{run}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{tree}/usr/sbin/runc"
        SystemdCgroup = false
""",
}


class Trouble(Exception):
    """What stands in the way, in one line."""


def run(*command: str | Path, **more: object) -> str:
    """Run a command to its end and return its output; Trouble with what it said when it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)  # type: ignore[call-overload]
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Trouble(f"{' '.join(map(str, command))}: {said[-1] if said else f'exit code {done.returncode}'}")
    return str(done.stdout)


def missing() -> str:
    """Why this machine cannot do it, or nothing."""
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("dpkg") or not shutil.which("apt-get"):
        return "needs Debian's apt"
    if os.uname().machine != "x86_64":
        return "is tried on x86-64 only"
    return ""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One at a time, over all processes of this machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- the cache: packages and images ---------------------------------------------------------------------------------


def mirror() -> tuple[str, str]:
    """The Debian mirror this machine uses already, and its options for the sources file."""
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        if not path.is_file():
            continue
        for line in path.read_text().splitlines():
            words = re.match(r"(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(\S+/debian/?)(?:\s|$)", line)
            if words:
                return words[1], "/usr/share/keyrings/debian-archive-keyring.gpg"
    raise Trouble("no Debian mirror found in /etc/apt")


def fetch(suite: str, tree: Path, work: Path) -> None:
    """Download the packages through an apt state of our own and unpack them under `tree`."""
    for name in ("sources", "lists/partial", "own/partial", "debs"):
        (work / name).mkdir(parents=True, exist_ok=True)
    uri, key = mirror()
    lines = f"Types: deb\nURIs: {uri}\nSuites: {{}}\nComponents: main\nSigned-By: {key}\n"
    host = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.M)
    plans = (("host", host[1] if host else "bookworm", ("runc", "containernetworking-plugins", "busybox-static")),
             ("suite", suite, ("containerd",)))  # fmt: skip
    for label, name, packages in plans:
        folder = work / "sources" / label
        folder.mkdir(exist_ok=True)
        (folder / "debian.sources").write_text(lines.format(name))
        lists = work / "lists" / label
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        own = ("-o", "Dir::Etc::SourceList=/dev/null", "-o", f"Dir::Etc::SourceParts={folder}", "-o",
               f"Dir::State::Lists={lists}", "-o", "APT::Sandbox::User=root", "-qq")  # fmt: skip
        run("apt-get", *own, "update")
        run("apt-get", *own, "download", *packages, cwd=work / "debs")
    for deb in (work / "debs").glob("*.deb"):
        run("dpkg", "-x", deb, tree)


def archive(reference: str, files: dict[str, bytes | str], entrypoint: list[str], command: list[str]) -> bytes:
    """A docker-archive of one image with one layer; a str in `files` is a symlink's target."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder in ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr", "var", "www"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    layer = blob.getvalue()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z",
        "config": {"Entrypoint": entrypoint, "Cmd": command, "Env": ["PATH=/bin:/sbin:/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": "2020-01-01T00:00:00Z"}],
    }).encode()  # fmt: skip
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": [reference], "Layers": [f"{digest}/layer.tar"]}]).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in ((f"{digest}/layer.tar", layer), (name, config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def make_images(tree: Path, out: Path) -> None:
    """pause:1 and busybox:1, busybox:2 (which differ in /www/version), as archives in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    box = next(p for p in (tree / "bin/busybox", tree / "usr/bin/busybox") if p.is_file()).read_bytes()
    base: dict[str, bytes | str] = {"bin/busybox": box, "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n"}
    base |= {f"bin/{applet}": "busybox" for applet in APPLETS.split()}
    (out / "pause.tar").write_bytes(archive("local/pause:1", base | {"pause": PAUSE.encode()}, ["/pause"], []))
    for tag in ("1", "2"):
        page = f"version {tag}\n".encode()
        files = base | {"www/index.html": page, "www/version": page}
        (out / f"busybox-{tag}.tar").write_bytes(archive(f"local/busybox:{tag}", files, [], ["sh"]))


def prepare(suite: str, cache: Path = CACHE) -> Path:
    """Fill the cache for a suite unless it is filled; returns its folder."""
    if why := missing():
        raise Trouble(f"a containerd for tests {why}")
    folder = cache / suite
    with locked(cache / "lock"):
        stamp = folder / "stamp"
        if stamp.is_file() and stamp.read_text() == LAYOUT:
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        fetch(suite, folder / "tree", folder / "work")
        make_images(folder / "tree", folder / "images")
        shutil.rmtree(folder / "work")
        stamp.write_text(LAYOUT)
    wanted = [p for p, tool in (("iptables", "iptables"), ("iproute2", "ip")) if not shutil.which(tool)]
    if wanted:  # the CNI plugins call it by name
        run("apt-get", "-qq", "install", "-y", "--no-install-recommends", *wanted,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})  # fmt: skip
    return folder


# --- one running containerd -----------------------------------------------------------------------------------------


def free_number() -> int:
    """The lowest number whose bridge does not exist."""
    taken = {p.name for p in Path("/sys/class/net").iterdir()}
    return next(n for n in range(100) if f"sampan{n}" not in taken)


def network(number: int, where: Path) -> str:
    """The CNI configuration: a bridge, and hostPorts."""
    bridge = {
        "type": "bridge", "bridge": f"sampan{number}", "isGateway": True, "ipMasq": True, "hairpinMode": True,
        "ipam": {"type": "host-local", "dataDir": str(where / "ipam"), "routes": [{"dst": "0.0.0.0/0"}],
                 "ranges": [[{"subnet": f"10.{100 + number}.0.0/16"}]]},
    }  # fmt: skip
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": f"sampan{number}", "plugins": [bridge, portmap]})


def up(where: Path, suite: str) -> dict[str, object]:
    """Start a containerd whose files are all in `where`; what to know about it."""
    folder = prepare(suite)
    where.mkdir(parents=True, exist_ok=True)
    where = where.resolve()
    if len(str(where)) > 80:
        raise Trouble(f"{where}: too long a path for a unix socket below it")
    with locked(CACHE / "lock"):
        number = free_number()
        run("ip", "link", "add", f"sampan{number}", "type", "bridge")
    (where / "net.d").mkdir(exist_ok=True)
    (where / "net.d/10-bridge.conflist").write_text(network(number, where))
    tree = folder / "tree"
    (where / "config.toml").write_text(CONFIG[3 if suite == "sid" else 2].format(run=where, tree=tree))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    facts: dict[str, object] = {"suite": suite, "number": number, "tree": str(tree), "images": str(folder / "images")}
    (where / "facts.json").write_text(json.dumps(facts))
    facts = start(where)
    for image in sorted((folder / "images").glob("*.tar")):
        local = () if suite == "bookworm" else ("--local",)
        ctr(where, "images", "import", *local, image)
    return facts


def ctr(where: Path, *arguments: str | Path) -> str:
    """containerd's own client, in the namespace of CRI."""
    facts = json.loads((where / "facts.json").read_text())
    return run(f"{facts['tree']}/usr/bin/ctr", "-a", where / "containerd.sock", "-n", "k8s.io", *arguments)


def start(where: Path) -> dict[str, object]:
    """Start the daemon in a folder made by `up` and wait until it answers."""
    where = where.resolve()
    facts: dict[str, object] = json.loads((where / "facts.json").read_text())
    tree = facts["tree"]
    env = {**os.environ, "PATH": f"{tree}/usr/bin:{tree}/usr/sbin:{os.environ['PATH']}:/usr/sbin:/sbin"}
    with (where / "containerd.log").open("ab") as log:
        daemon = subprocess.Popen(
            [f"{tree}/usr/bin/containerd", "-c", str(where / "config.toml")],
            env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    (where / "pid").write_text(str(daemon.pid))
    deadline = time.monotonic() + 30
    while True:
        try:
            ctr(where, "version")
            break
        except Trouble as trouble:
            if daemon.poll() is not None or time.monotonic() > deadline:
                tail = (where / "containerd.log").read_text(errors="replace").strip().splitlines()[-1:]
                raise Trouble(f"containerd does not answer: {trouble}; its log ends with: {tail}") from None
            time.sleep(0.05)
    facts |= {"socket": str(where / "containerd.sock"), "pid": daemon.pid, "run": str(where)}
    (where / "facts.json").write_text(json.dumps(facts))
    return facts


def alive(pid: int) -> bool:
    """The process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def stop(where: Path) -> None:
    """End the daemon by its own pid; pods go on."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((where / "pid").read_text())
        if "containerd" not in Path(f"/proc/{pid}/cmdline").read_text():
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while alive(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


def below(where: Path) -> list[int]:
    """Shims of this containerd and everything that runs under them, parents first."""
    parents: dict[int, int] = {}
    shims = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            pid = int(entry.name)
            parents[pid] = int((entry / "stat").read_text().rsplit(") ", 1)[1].split()[1])
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "containerd-shim" in words[0] and str(where / "containerd.sock") in words:
                shims.append(pid)
    found = list(shims)
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid and child not in found]
    return found


def unmount(where: Path) -> None:
    """Take away every mount below the folder, the last made first."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for point in reversed([p for p in points if p.startswith(f"{where}/")]):
        subprocess.run(["umount", "-l", point], capture_output=True)


def forget_network(number: int) -> None:
    """Remove the bridge, its pods' ends and the rules that the CNI plugins made for it."""
    subprocess.run(["ip", "link", "del", f"sampan{number}"], capture_output=True)
    name = f'name: \\"sampan{number}\\"'
    saved = subprocess.run(["iptables-save", "-t", "nat"], capture_output=True, text=True).stdout.splitlines()
    mine = [line for line in saved if line.startswith("-A ") and name in line]
    chains = {word for line in mine for word in line.split() if re.fullmatch(r"CNI-[0-9a-f]{24}|CNI-[DS]N-\w+", word)}
    script = ["*nat", *(f"-D {line[3:]}" for line in mine if line.split()[1] not in chains)]
    script += [f"-F {chain}" for chain in chains] + [f"-X {chain}" for chain in chains] + ["COMMIT", ""]
    if mine:
        subprocess.run(["iptables-restore", "--noflush"], input="\n".join(script), capture_output=True, text=True)


def empty_cgroups(top: Path) -> None:
    """Remove the cgroups below one that have no processes, and itself with the last of them."""
    folders = [Path(at) for at, _, _ in os.walk(top, topdown=False)]
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def down(where: Path) -> None:
    """End everything that `up` began and delete the folder."""
    where = where.resolve()
    if not (where / "facts.json").is_file():
        return
    facts = json.loads((where / "facts.json").read_text())
    stop(where)
    for pid in below(where):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    unmount(where)
    forget_network(facts["number"])
    for name in ("k8s.io", "kubepods"):  # runc's and pods', left when a shim was killed
        for top in (*Path("/sys/fs/cgroup").glob(f"*/{name}"), *Path("/sys/fs/cgroup").glob(name)):
            empty_cgroups(top)
    for attempt in range(20):
        shutil.rmtree(where, ignore_errors=attempt < 19)
        if not where.exists():
            break
        unmount(where)
        time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verb", choices=("prepare", "up", "start", "stop", "down"))
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--suite", choices=SUITES, default="sid")
    asked = parser.parse_args()
    if asked.verb != "prepare" and asked.run is None:
        parser.error(f"{asked.verb} needs a folder")
    try:
        match asked.verb:
            case "prepare":
                prepare(asked.suite)
            case "up":
                print(json.dumps(up(asked.run, asked.suite)))  # noqa: T201
            case "start":
                print(json.dumps(start(asked.run)))  # noqa: T201
            case "stop":
                stop(asked.run.resolve())
            case "down":
                down(asked.run)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
