"""`python -m sampan`: the command, where scripts are not on the PATH."""

from sampan.cli.main import main

if __name__ == "__main__":
    main()
