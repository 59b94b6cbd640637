"""What the service really answers is what its document says, for requests that schemathesis makes up."""

import subprocess
import sys
from pathlib import Path

from tests.http.running import KEY, Serving

_HERE = Path(__file__).parent


def test_answers_conform_to_the_document(payments_server: Serving, tmp_path: Path) -> None:
    """No answer is the server's fault or undocumented in status, type, headers or form; what is wrong is refused.

    About 1,500 requests: the examples, the edges of each constraint, other methods, missing keys, and random bodies.
    """
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "--config-file", _HERE / "schemathesis.toml"),
        *("run", f"http://127.0.0.1:{payments_server.port}/openapi.json"),
        *("--header", f"Authorization: Bearer {KEY}", "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", "8", "--seed", "1", "--continue-on-failure", "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 20" in done.stdout
    assert not any("failed" in line for line in payments_server.log)
