"""What every command imports leaves out what only scoring needs."""

import subprocess
import sys


def test_opening_a_home_loads_neither_models_nor_compiled_features() -> None:
    code = (
        "import sys; import serving.cli.console, serving.bootstrap, serving.rights.acts; "
        "print(sorted({'lightgbm', 'sklearn', 'numba', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
