"""``python -m sessionize``."""

import sys

from sessionize.cli import main

sys.exit(main())
