"""``python -m ghostnb`` is the command ``ghostnb``."""

import sys

from ghostnb.cli import main

if __name__ == "__main__":
    sys.exit(main())
