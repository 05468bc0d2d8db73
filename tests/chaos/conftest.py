"""The table of what was disturbed, shown at the end of a campaign."""

from collections import Counter, defaultdict

import pytest

_stories = []


@pytest.fixture(scope="session")
def stories():
    """Where the campaign notes what happened."""
    return _stories


def pytest_terminal_summary(terminalreporter):
    """Show, for each role and signal, where it landed, and what it took to get the product."""
    if not _stories:
        return
    terminalreporter.section("chaos")
    kinds = defaultdict(list)
    for story in _stories:
        kinds[story.case.role, story.case.signal.name].append(story)
    terminalreporter.line(
        f"{'role':10} {'signal':8} {'runs':>5} {'before':>7} {'amid':>5} {'after':>6}"
        f" {'reruns':>7} {'seconds':>8}"
    )
    for (role, name), found in sorted(kinds.items()):
        landed = Counter(story.landed for story in found)
        terminalreporter.line(
            f"{role:10} {name:8} {len(found):5} {landed['before']:7} {landed['amid']:5}"
            f" {landed['after']:6} {sum(story.reruns for story in found):7}"
            f" {sum(story.seconds for story in found):8.1f}"
        )
    terminalreporter.line(
        f"{len(_stories)} runs in all, {sum(story.seconds for story in _stories):.0f} s"
    )
