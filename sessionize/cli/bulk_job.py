"""What ``spark-submit`` starts: its arguments are those of ``python -m sessionize bulk``.

A file that stands by itself, for Spark takes one, from a folder or a bucket; the package must be
installed where it runs.
"""

from __future__ import annotations

import sys

from sessionize.cli.program import main

if __name__ == "__main__":
    sys.exit(main(["bulk", *sys.argv[1:]]))
