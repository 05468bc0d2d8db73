"""The SEG-Y files of a synthetic survey say what they hold."""

from seisproc.schema import FaciesClass
from seisproc.segy.scan import scan
from seisproc.synthetic.config import SyntheticConfig
from tasks.synthesize import Acquisition, write_synthetic_survey

NAMES = [f"an interpreted unit with a long name, number {code}" for code in range(6)]
CLASSES = tuple(FaciesClass(code, name, "#E69F00") for code, name in enumerate(NAMES))


def test_the_text_headers_tell_what_the_samples_mean(tmp_path):
    config = SyntheticConfig(shape=(16, 16, 16), seed=3, classes=CLASSES)
    made = write_synthetic_survey.fn(config, Acquisition(missing_corner=0), str(tmp_path / "x.sgy"))
    texts = {
        name: " ".join(
            " ".join(c[4:] for c in scan([getattr(made, name)]).text.splitlines()).split()
        )
        for name in ("amplitude", "facies", "fault")
    }
    assert all("SEED 3" in text for text in texts.values())
    for entry in CLASSES:
        assert f"{entry.code} {entry.name.upper()}" in texts["facies"]
    assert "UNIT RMS" in texts["amplitude"] and "1 ON FAULTS" in texts["fault"]
