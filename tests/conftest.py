"""What holds for all tests."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# Many tests start processes that import TensorFlow. Where Python is set to keep no bytecode, as containers often do,
# and none was installed, each would compile TensorFlow again, which is more than half of its start. So it is kept, but
# in a folder of the tests. This has to come before anything large is imported.
if sys.dont_write_bytecode:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / ".pytest_cache" / "bytecode"))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine makes no test fail.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")


def pytest_configure(config):
    """Let Kipoi write its settings before the test processes start: it fails where another is just writing them."""
    is_first_process = not hasattr(config, "workerinput")  # of pytest-xdist
    if is_first_process and not Path("~/.kipoi/config.yaml").expanduser().exists():
        subprocess.run([sys.executable, "-c", "import kipoi"], check=True)
