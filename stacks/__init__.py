"""The AWS side: deploy settings, one construct per capability, and the stack that joins them."""

import sys
from pathlib import Path

LAMBDA_SRC = Path(__file__).resolve().parents[1] / "lambda_src"

# The stack takes error names, ledger prefixes and the scorers file's rules from the function's
# own package, which is not installed where only the CDK app's requirements are.
sys.path.append(str(LAMBDA_SRC))
