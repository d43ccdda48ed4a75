"""The command ``cnnx``, also ``python -m cnnx``."""

import sys

from cnnx.command import main

if __name__ == "__main__":
    sys.exit(main())
