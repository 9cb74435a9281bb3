"""The tables of the pages in a browser: rows are chosen and ordered."""

from test_browser import browser as browser
from test_browser import judged as judged
from test_browser import opened, pytestmark
from test_browser import pages as pages
from test_comparing import failing, line, report

from assay.conformance.interface.comparison_page import comparison_page

__all__ = ("browser", "judged", "pages", "pytestmark")


def test_filters_leave_what_is_asked_for(browser, pages):
    with opened(browser, pages["comparison"]) as page:
        sections = page.locator("[data-component]")
        everything = sections.evaluate_all("all => all.filter(each => !each.hidden).length")
        page.select_option("select[name=component]", "rms_norm")
        assert sections.evaluate_all("all => all.filter(e => !e.hidden).map(e => e.dataset.component)") == ["rms_norm"]
        page.select_option("select[name=component]", "")
        page.select_option("select[name=verdict]", "fails")
        rows = page.locator("tbody tr:visible td[data-verdict]")
        assert rows.count() > 0
        assert page.locator("[data-component]:visible tbody tr:visible", has_not=page.locator(".fail")).count() == 0
        page.select_option("select[name=dtype]", "float16")
        assert page.locator("[data-dtype=float32]:visible").count() == 0
        page.select_option("select[name=component]", "rms_norm")
        assert page.locator("output").inner_text() == "Nothing is so."
        for name in ("component", "dtype", "verdict"):
            page.select_option(f"select[name={name}]", "")
        assert sections.evaluate_all("all => all.filter(each => !each.hidden).length") == everything > 1


def test_rows_are_ordered_by_what_fails_most_and_then_by_the_largest_error(browser, tmp_path):
    close = line("softmax", "float32", "ALL-1", worst_ratio=0.9)
    wrong = failing("softmax", "float32", "ALL-1", "sum")
    every = [
        report("far", line("softmax", "float32", "ALL-1")),
        report("half", line("softmax", "float32", "ALL-3"), wrong),
        report("close", close),
        report("none", line("softmax", "float32", "ALL-1", "unsupported")),
        report("whole", wrong),
    ]
    file = tmp_path / "order.html"
    file.write_bytes(comparison_page(every, 2.0))
    with opened(browser, file.as_uri()) as page:
        names = page.locator("[data-component=softmax] tbody th")
        assert names.all_inner_texts() == ["far", "half", "close", "none", "whole"]
        page.select_option("select[name=order]", "worst first")
        assert names.all_inner_texts() == ["whole", "half", "close", "far", "none"]
        page.select_option("select[name=order]", "best first")
        assert names.all_inner_texts() == ["far", "close", "half", "whole", "none"]
        page.select_option("select[name=order]", "")
        assert names.all_inner_texts() == ["far", "half", "close", "none", "whole"]


def test_kernels_are_ordered_by_keyboard(browser, pages):
    with opened(browser, pages["kernels"]) as page:
        head = page.locator("thead th").first
        names = page.locator("tbody th")
        head.locator("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        first = [name[:3] for name in names.all_inner_texts()]
        page.keyboard.press("Space")
        assert head.get_attribute("aria-sort") == "descending"
        assert [name[:3] for name in names.all_inner_texts()] == first[::-1]
