"""The API server's request path in this process. `python -m bench.apiserver_path [--profile]`."""

import sys

from sampan.bench.api import Rows, run

__all__ = ["Rows", "run"]

if __name__ == "__main__":
    if "--profile" in sys.argv:
        import cProfile

        cProfile.run("run()", sort="tottime")
    else:
        sys.stdout.writelines(f"{what:60} {figure:>12}\n" for what, figure in run())
