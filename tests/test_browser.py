"""The pages in a browser: no error, no request, every control by keyboard, readable in light and dark, on a phone too.

They need `pip install '.[browser]'` and Chromium; what is missing is said, and they are skipped.
"""

import contextlib
import json
import shutil

import pytest
from test_comparing import BEFORE, NOW, OTHER, failing, line, report
from test_each_calls import with_report

from assay.conformance.interface.comparison_page import comparison_page
from assay.conformance.interface.each.database import Database
from assay.conformance.interface.each.kernels import Kernel
from assay.conformance.interface.each.row import Ended, report_of, row_of
from assay.conformance.interface.each.table import table_page
from assay.conformance.interface.html_page import page as report_page
from assay.conformance.interface.properties_page import page as properties_page
from assay.conformance.properties.kinds import Plot, Shown, Table

api = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]' first")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install '.[browser]' first")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

# It hides nothing, runs nothing, and is as long as anybody may make it.
HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\x1b[2J\u202e\u2066" + "x" * 10_000
WRONG = """
import numpy as np

dtypes = ("float32", "float16")
conventions = {"causal_alignment": "bottom-right"}

def softmax(x):
    if x.shape[0] == 3: raise ValueError("<img src=x onerror='window.hacked = 3'>" + "y" * 10_000)
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return (1 + (x.shape[-1] > 4)) * e / e.sum(-1, keepdims=True)
"""
CONTROLS = "a[href], summary, select, input, button, [tabindex='0']"
REACHED = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  return at === document.body ? null : {
    number: [...document.querySelectorAll(CONTROLS)].indexOf(at),
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    seen: at.getBoundingClientRect().right > 0,
  };
}""".replace("CONTROLS", json.dumps(CONTROLS))


@pytest.fixture(scope="module")
def judged(shared_terminal):
    """Judge a wrong one once."""
    file = shared_terminal.write("mine.py", WRONG)
    asked = ("--component", "softmax", "--clause", "ALL-1,ALL-4,ALL-11,ALL-12,SM-1", "--json", "report.json")
    done = shared_terminal.assay("run", file, *asked, "--html", "report.html")
    assert done.returncode == 1, done.stderr
    return shared_terminal.report()


def hostile(data, name=""):
    """Replace every text that people or implementations write."""
    if isinstance(data, dict):
        return {key: hostile(value, key) for key, value in data.items()}
    if isinstance(data, list):
        return [hostile(each, name) for each in data]
    texts = (
        "adapter",
        "package",
        "version",
        "device",
        "notes",
        "message",
        "sentence",
        "reason",
        "script",
        "confinement",
    )
    return HOSTILE if name in texts and isinstance(data, str) else data


def kernels(folder, wild):
    """Give what a run of each of some kernels has found."""
    database = Database(folder / "results.sqlite")
    found = [with_report(), Ended(2, 2, log=HOSTILE), Ended(1, 1, json.dumps(wild).encode())]
    for place, each in enumerate(found):
        name = HOSTILE if place else "k"
        database.put(row_of(Kernel(f"{name}{place}.py", f"k{place}"), "key", each, report_of(each), 1, 60.0), place)
    rows = database.rows()
    database.close()
    return rows


@pytest.fixture(scope="module")
def pages(judged, tmp_path_factory):
    """Write a page of each kind."""
    svg = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><rect width='9' height='9' fill='#888'/></svg>"
    plot = Plot("one", "Saturation", "It grows.", "x", "y")
    table = Table("Of sizes", ("size", "error", *("more",) * 12), [("128", "0.5", *("0.123",) * 12)])
    shown = Shown("adam", "Adam", "Kingma and Ba", ["A sentence.", HOSTILE], [table], [plot])
    other = Shown("rounding", "Rounding", "a source", ["Another."], [table])
    wild = hostile(judged)
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "report": report_page([judged, NOW], {"none.py": HOSTILE}),
        "hostile": report_page([wild]),
        "comparison": comparison_page([NOW, OTHER, wild], 2.0),
        "versions": comparison_page([BEFORE, NOW], 2.0),
        "properties": properties_page([shown, other], {"one": svg}, 0),
        "kernels": table_page(kernels(folder, wild), HOSTILE, 1),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_bytes(text)
    return {name: (folder / f"{name}.html").as_uri() for name in made}


@pytest.fixture(scope="module")
def browser():
    """Start the browser."""
    with api.sync_playwright() as playwright:
        # In a container there is no user for its sandbox; the pages are our own.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@contextlib.contextmanager
def opened(browser, address, width=1400, scheme="light"):
    """Open a page, and require that it makes no error and asks for nothing."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    wrong = []
    page.on("console", lambda said: wrong.append(said.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: wrong.append(asked.url))
    page.goto(address)
    yield page
    assert [each for each in wrong if each != address and not each.startswith("data:image/svg+xml")] == []
    page.close()


KINDS = ("report", "hostile", "comparison", "versions", "properties", "kernels")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (400, "dark")])
def test_a_page_is_readable_for_everybody(browser, pages, kind, width, scheme):
    """Contrast, names of what is shown, order of headings, and the rest that axe looks for."""
    with opened(browser, pages[kind], width, scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = axe.Axe().run(page).response

    assert found["testEngine"]["name"] == "axe-core"
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_follows_the_reader_into_the_dark(browser, pages, kind):
    shades = {}
    for scheme in ("light", "dark"):
        with opened(browser, pages[kind], scheme=scheme) as page:
            shades[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert shades == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 19, 23)"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [320, 400])
def test_a_phone_scrolls_sideways_in_tables_alone(browser, pages, kind, width):
    with opened(browser, pages[kind], width) as page:
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")

        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("kind", KINDS)
def test_every_control_is_reached_by_keyboard_and_seen_to_be(browser, pages, kind):
    with opened(browser, pages[kind]) as page:
        shown = page.evaluate(
            "() => [...document.querySelectorAll(CONTROLS)].map((each, k) => each.checkVisibility() ? k : -1)"
            ".filter(k => k >= 0)".replace("CONTROLS", json.dumps(CONTROLS))
        )
        reached = []
        for _ in range(len(shown) + 3):
            page.keyboard.press("Tab")
            at = page.evaluate(REACHED)
            if at is None or at["number"] in reached:
                break
            assert at["ring"], at
            assert at["seen"], at
            reached.append(at["number"])

    assert sorted(reached) == shown


def test_the_first_key_leads_past_the_head(browser, pages):
    with opened(browser, pages["report"]) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

        assert page.evaluate("location.hash") == "#main"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_what_is_folded_opens_by_key(browser, pages, key):
    with opened(browser, pages["report"]) as page:
        script = page.locator("details", has_text="A script that shows it").first
        assert not script.locator("pre").is_visible()
        script.locator("summary").focus()
        page.keyboard.press(key)

        assert script.locator("pre").is_visible()


def test_the_first_screen_says_all_that_matters(browser, pages, judged):
    with opened(browser, pages["report"]) as page:
        for text in ("violates", "What is wrong", "not checked", "passes up to", "causal_alignment = bottom-right"):
            place = page.get_by_text(text).first.bounding_box()
            assert place["y"] + place["height"] < 900, text
        matrix = page.locator(".matrix").first.bounding_box()
        assert matrix["y"] + matrix["height"] < 900
        head = page.locator("header").first.inner_text() + page.locator(".first").first.inner_text()

    assert "power" in head
    assert all(cause["sentence"][:60] in head for cause in judged["causes"])


def test_errors_are_drawn_against_sizes_and_by_regime(browser, pages, judged):
    with opened(browser, pages["report"]) as page:
        drawn = page.locator("article").first.locator(".pictures figure")
        captions = drawn.locator("figcaption").all_inner_texts()
        labels = drawn.locator("svg").evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
        over = drawn.locator("circle.over").count()

    assert captions == ["against n", "by regime"]
    assert "float32 at most" in labels[0]
    assert over > 0  # it is wrong beyond four entries
    told = [each["measured"] for each in judged["results"] if "measured" in each]
    assert len(told) == 4


def test_hostile_text_stays_text(browser, pages):
    for kind in ("hostile", "comparison", "report", "kernels"):
        with opened(browser, pages[kind]) as page:
            text = page.evaluate("document.body.innerText + document.title")

            assert page.evaluate("window.hacked") is None
            assert page.locator("main img, main script").count() == 0
        assert "<script>window.hacked" in text
        assert not {"\x1b", "\u202e", "\u2066"} & set(text)


def test_on_paper_nothing_is_cut_off(browser, pages):
    with opened(browser, pages["report"], 700) as page:
        page.emulate_media(media="print")
        cut = page.evaluate(
            "() => [...document.querySelectorAll('.wide')]"
            ".filter(each => getComputedStyle(each).overflowX !== 'visible').length"
        )
        pdf = page.pdf()

    assert cut == 0
    assert pdf.startswith(b"%PDF")


def test_links_lead_to_what_they_name(browser, pages):
    for kind in KINDS:
        with opened(browser, pages[kind]) as page:
            lost = page.evaluate(
                "() => [...document.querySelectorAll('a')].map(e => e.getAttribute('href'))"
                ".filter(to => to.startsWith('#') && !document.getElementById(to.slice(1)))"
            )
        assert lost == []


def test_a_page_of_many_causes_says_them_beside_the_matrix(browser, tmp_path):
    results = [failing(each, "float32", f"SM-{k}", f"cause {k}") for k, each in enumerate(["softmax", "rms_norm"] * 12)]
    file = tmp_path / "many.html"
    file.write_bytes(report_page([report("many", *results, line("layer_norm", "float16", "ALL-1"))]))
    with opened(browser, file.as_uri()) as page:
        assert page.locator("nav li").count() == 24
        assert page.locator(".matrix tbody tr").count() == 3
        assert page.locator(".matrix td.fail a").count() == 24
        assert page.locator("section.cause").count() == 24
