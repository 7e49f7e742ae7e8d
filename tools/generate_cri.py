#!/usr/bin/env python3
"""Make messages_pb2.py and .pyi of sampan.kubelet.cri and .csi from their messages.proto; with a folder, below it."""

import sys
from pathlib import Path

from grpc_tools import protoc

SOURCE = Path(__file__).resolve().parents[1] / "src"
PROTOS = ("sampan/kubelet/cri/messages.proto", "sampan/kubelet/csi/messages.proto")


def generate(out: Path = SOURCE) -> int:
    """Write both files below `out`; protoc's exit code."""
    plugin = Path(sys.executable).parent / "protoc-gen-mypy"
    arguments = ["protoc", f"-I{SOURCE}", f"--python_out={out}", f"--plugin=protoc-gen-mypy={plugin}"]
    return int(protoc.main([*arguments, f"--mypy_out=quiet:{out}", *PROTOS]))


if __name__ == "__main__":
    sys.exit(generate(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE))
