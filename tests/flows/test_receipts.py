"""What a command prints of what it made."""

from dataclasses import dataclass

from flows.options import print_receipt


@dataclass(frozen=True)
class Receipt:
    seconds: float = 24.502033505996224
    windows: int = 123456
    notes: tuple[str, ...] = ("halved", "moved")


def test_a_receipt_is_printed_for_people_and_whole_as_json(capsys):
    print_receipt(Receipt(), False, hours={"load": 1.23456, "infer": 23456.7})
    assert capsys.readouterr().out.splitlines() == [
        "seconds  24.5",
        "windows  123456",
        "notes    halved, moved",
        "hours    load 1.235, infer 23,457",
    ]
    print_receipt(Receipt(), True)
    assert "24.502033505996224" in capsys.readouterr().out
