"""`python -m assay.conformance.claims` prints the table of docs/claims.md."""

import sys

from . import table

sys.stdout.writelines(f"{line}\n" for line in table())
