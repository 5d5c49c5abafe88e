"""When a quick check (`mirrorfs.core.quick`) may be made, of what, and what of it is believed.

Law: with the answer or without, the same is decided. So it is asked for only where no question is
left that the names and the terms do not answer: of directories on both sides that are looked at as
a whole, where nothing is in doubt, unknown or still to be said.

Directories next to each other are asked for together: one call, so many at a time. Answers wait
while what is below the first of them is walked; a directory is asked for once.
"""

from collections.abc import Sequence

from mirrorfs.core.quick import Quick
from mirrorfs.core.rules import Rules
from mirrorfs.core.tree import join, split
from mirrorfs.core.walk import Frame

TOGETHER = 64


class Checking:
    """The quick checks of one walk."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._look = rules.look
        filter = rules.filter
        if rules.doubts or rules.unknown or filter.markers or filter.weighs:
            self._look = None
        self._answers: dict[str, Quick | None] = {}

    def of(self, stack: Sequence[Frame]) -> Quick | None:
        """What is known of the directory on top; ``None``: look at it in the ordinary way."""
        frame = stack[-1]
        if self._look is None or not self._may(frame):
            return None
        path = frame.path
        if path not in self._answers:
            frames: list[Frame] = []
            for other in reversed(stack):
                if other.parent is not frame.parent or len(frames) == TOGETHER:
                    break
                if self._may(other):
                    frames.append(other)
            directory = split(path)[0]
            names = [split(other.path)[1] or "." for other in frames]
            for other, answer in zip(frames, self._look(directory, names), strict=False):
                self._answers[other.path] = answer
        answer = self._answers.pop(path, None)
        return None if answer is None else self._believed(path, answer)

    def _may(self, frame: Frame) -> bool:
        lost, spelling = self._rules.lost, self._rules.spelling
        return (
            frame.want is not None
            and frame.found is not None
            and frame.scope.deep
            and not (lost is not None and lost.takes_any)
            and (spelling is None or spelling.actual(frame.path) == frame.path)
            and self._rules.filter.descends(frame.path)
        )

    def _believed(self, path: str, answer: Quick) -> Quick | None:
        rules = self._rules
        spelling = rules.spelling
        if spelling is not None and spelling.loose([*answer.fresh, *answer.rest]):
            return None  # what is missing may stand there under another spelling
        if rules.plain:
            return answer
        includes = rules.filter.includes
        equal = [name for name in answer.equal if includes(join(path, name))]
        if len(equal) < len(answer.equal) and rules.options.delete_excluded:
            return None
        return answer._replace(equal=equal, left_out=len(answer.equal) - len(equal))
