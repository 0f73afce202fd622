import json
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
REPORT = CHECKOUT / ".cache/aarch64/report.json"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's apt-get for the arm64 Python")
def test_emulated_raspberry_pi_plans_for_itself_and_fuses_twenty_frames(default_clip: Path) -> None:
    REPORT.unlink(missing_ok=True)
    done = subprocess.run([CHECKOUT / "tools/aarch64"], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(REPORT.read_text())
    assert report["plan"]["profile"] == "raspberry-pi-4"
    assert {c["runtime"] for c in report["plan"]["choices"] if c["task"] == "track_faces"} == {"tflite"}
    assert (report["frames_out"], report["faces"], report["failures"]) == (20, 20, 0)
