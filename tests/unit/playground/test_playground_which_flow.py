"""Which flow should I use? The questions as pages."""

import html
import re

import pytest

from deploy.playground.flows import FLOWS
from libs.cli.flow_advice import Advice, every_advice
from libs.cli.flow_questions import FIRST
from tests.unit.playground.browser import Browser

EVERY = [pytest.param(answers, advice, id="-".join(answers.values())) for answers, advice in every_advice(FIRST)]


async def follow(browser: Browser, element: str) -> None:
    found = re.search(rf'<a id="{element}" href="([^"]+)"', browser.page)
    assert found, browser.text
    await browser.open(browser.address + html.unescape(found[1]))


@pytest.mark.parametrize(("answers", "advice"), EVERY)
async def test_flow_advice_is_reached_from_home_page(browser: Browser, answers: dict[str, str], advice: Advice) -> None:
    await browser.open(browser.address)
    await follow(browser, "which-flow")
    for answer in answers.values():
        await follow(browser, f"answer-{answer}")
    assert f'data-flow="{advice.flow}"' in browser.page
    for words in (advice.title, advice.why, advice.command(between=" \\\n  "), *advice.instead_of.values()):
        assert " ".join(words.split()) in browser.text
    assert browser.text.count("Change") == len(answers)
    assert advice.flow in {flow.name for flow in FLOWS}  # the card that it points to


async def test_flow_advice_answer_can_be_changed(browser: Browser) -> None:
    await browser.open(f"{browser.address}/which-flow?who=person&where=device")
    changes = re.findall(r'<a href="([^"]+)">Change</a>', browser.page)
    assert [html.unescape(change) for change in changes] == ["/which-flow", "/which-flow?who=person"]
    await browser.open(browser.address + changes[1])
    assert "Where does the application run?" in browser.text


@pytest.mark.parametrize("query", ["who=everybody", "who=program&where=server", "colour=red&who=program"])
async def test_flow_advice_restarts_when_answers_are_invalid(browser: Browser, query: str) -> None:
    await browser.open(f"{browser.address}/which-flow?{query}")
    assert browser.answer
    assert browser.answer.url.query == b""
    assert "Who uses the application?" in browser.text
