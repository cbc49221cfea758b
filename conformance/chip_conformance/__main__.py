"""`python -m chip_conformance`."""

import sys

from chip_conformance.command import main

sys.exit(main())
