"""What the documents show is what was measured."""

from xml.etree import ElementTree

from benchmarks import publish
from benchmarks.answer import Answer
from benchmarks.charts import SHOWN, chart
from benchmarks.questions import NAMES
from benchmarks.report import HEADLINES


def test_the_documents_show_the_results():
    for path, text in publish.published(publish.results()).items():
        assert path.read_text() == text, f"{path}: python -m benchmarks.publish"


def test_every_question_has_a_chart_and_a_headline():
    assert set(SHOWN) == set(HEADLINES) == set(NAMES)


def test_a_chart_is_svg_with_every_figure_in_it():
    answer = Answer(5, "A <title> & more", "10 files")
    answer.add("mirrorfs run", "rename to mirrored", "tmpfs", "ms", [1.0, 2.0, 3.0])
    answer.add("a peer", "rename to mirrored", "tmpfs", "ms", [100.0])
    answer.add("a peer", "something else", "tmpfs", "ms", [77.0])
    drawn = ElementTree.fromstring(chart(answer, when="today"))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "A <title> & more: 10 files" in texts and "today" in texts
    assert {"2.0 ms", "100.0 ms"} <= set(texts)
    assert "77.0 ms" not in texts
    ours, theirs = drawn.iter("{http://www.w3.org/2000/svg}rect")
    assert ours.get("class") == "bar ours" and theirs.get("class") == "bar"
    assert float(theirs.get("width")) > 40 * float(ours.get("width"))
