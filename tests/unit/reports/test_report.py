"""The report: one page that needs no network and says everything the result says."""

import re
from html.parser import HTMLParser

import pytest

from nearlinear.calibrate.bundled import BUNDLED
from nearlinear.calibrate.calibration import CalibrateSpec, fit_profile
from nearlinear.models.closed_form import predict
from nearlinear.models.prediction import Prediction
from nearlinear.models.scenario import Scenario
from nearlinear.reports.comparison import compare
from nearlinear.reports.report import DEFINITIONS, Section, render_report

VOID = ("meta", "br", "hr", "img", "link", "input")


class Page(HTMLParser):
    """Collects what a browser would fetch, the text, and tags that are not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            wanted = name in ("src", "href", "xlink:href", "data", "poster", "action")
            if wanted and value and not value.startswith("#"):
                self.fetched.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    return predict(Scenario.of(model="resnet-50", cluster="dgx-a100", devices="1..32", samples="101"))


@pytest.fixture(scope="module")
def page(prediction: Prediction) -> str:
    logs = BUNDLED[0]
    calibration = fit_profile(logs.files, CalibrateSpec(hints=logs.hints, replicates=60))
    sections = [
        Section.of_prediction(prediction, "nearlinear predict a"),
        Section.of_calibration(calibration, "Calibration of logs", "nearlinear calibrate b"),
        Section.of_comparison(compare("nin", "titan", ("tree", "ps"), (1, 2, 4)), "nearlinear demo"),
    ]
    return render_report("A <title> & more", sections, ["nearlinear c"])


def test_nothing_is_fetched(page: str) -> None:
    assert Page(page).fetched == []
    assert "<script" not in page
    assert "@import" not in page
    assert not re.findall(r"url\((?!#)", page)


def test_tags_are_closed(page: str) -> None:
    assert Page(page).open == []


def test_figures_stand_inside(page: str) -> None:
    assert page.count("<svg") == 4
    assert len(page) < 1_000_000


def test_text_is_escaped(page: str) -> None:
    assert "A &lt;title&gt; &amp; more" in page
    assert "A <title>" not in page


def test_everything_is_said(page: str, prediction: Prediction) -> None:
    text = Page(page).text
    for word in (prediction.title, "Knee", "held-out points", "times faster at 4 workers", "nearlinear c"):
        assert word in text
    for term, meaning in DEFINITIONS:
        assert term in text
        assert meaning in text
    for warning in prediction.warnings:
        assert warning in text
    for fact in prediction.provenance["facts"]:
        assert fact["source"] in text


def test_numbers_of_the_table(page: str, prediction: Prediction) -> None:
    text = Page(page).text
    for point in prediction.points:
        assert f"{point.throughput_per_s.median:,.0f}" in text
        assert f"{point.step_time_s.median * 1e3:.4g}" in text


def test_the_same_result_gives_the_same_page(prediction: Prediction) -> None:
    again = render_report("t", [Section.of_prediction(prediction)])
    assert render_report("t", [prediction]) == again
