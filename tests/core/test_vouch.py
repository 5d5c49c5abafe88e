"""What cannot be vouched for is compared: every combination of the questions, and their order."""

import itertools

import pytest

from mirrorfs.core.tree import Identity
from mirrorfs.core.vouch import Found, Known, objection

HERE, THERE = Identity("one", "ext4", 2, 1), Identity("other", "ext4", 2, 1)

# In the order they are asked; the first that is answered with no is the reason people are told.
QUESTIONS = {
    "journal": "no journal is kept for this source",
    "mirrored": "this pair was not mirrored before",
    "cursor": "nobody watched the source at the last sync",
    "source": "the source is not the directory it was",
    "destination": "the destination is not the directory it was",
    "fingerprint": "the filter or the options have changed",
    "watched": "nobody watches the source now",
    "covered": "the watcher leaves out other directories than this mirror",
    "reaches": "the journal does not reach back to the last sync (too old)",
}


def test_every_combination():
    for answers in itertools.product([True, False], repeat=len(QUESTIONS)):
        yes = dict(zip(QUESTIONS, answers, strict=True))
        known = Known(HERE, HERE, "same", yes["cursor"]) if yes["mirrored"] else None
        found = Found(
            journal=yes["journal"],
            watched=yes["watched"],
            source=HERE if yes["source"] else THERE,
            destination=HERE if yes["destination"] else THERE,
            fingerprint="same" if yes["fingerprint"] else "another",
            lost="" if yes["reaches"] else "too old",
            covered=yes["covered"],
        )
        no = [question for question, answer in yes.items() if not answer]
        assert objection(known, found) == (QUESTIONS[no[0]] if no else ""), yes


@pytest.mark.parametrize("field", Identity._fields)
def test_each_part_of_an_identity_counts(field):
    changed = HERE._replace(**{field: "x" if isinstance(getattr(HERE, field), str) else 99})
    known = Known(HERE, HERE, "same", True)
    assert objection(known, Found(True, True, changed, HERE, "same"))
    assert objection(known, Found(True, True, HERE, changed, "same"))
