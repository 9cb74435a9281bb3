"""`assay compare`: reports side by side on the screen and as a page, and what a new version mended and broke."""

import base64
import copy
import hashlib
import json
import re

import pytest
from test_bad_input import complaint
from test_html_page import Reader

from assay.conformance.interface.command_line import main
from assay.conformance.interface.comparing import changes, names_of
from assay.conformance.interface.comparison_page import comparison_page

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e"


def line(component, dtype, clause, status="pass", **more):
    whole = {"clause": clause, "level": "required", "component": component, "dtype": dtype, "status": status}
    whole |= {"examples": 3, "worst_ratio": 0.25, "precision_class": 1, "seconds": 0.1, "reason": None, "failure": None}
    return whole | {"coverage": {"asked": 3, "answered": 3, "plainer": 0, "telling": 3}} | more


def failing(component, dtype, clause, name, ratio=7.0, **more):
    failure = {"message": f"{name} is wrong", "case": f"{component}?seed={clause}", "ratio": ratio, "looks_like": None}
    return line(component, dtype, clause, "fail", worst_ratio=ratio, failure=failure | {"cause": name}, **more)


def report(adapter, *results, version="1.0", **more):
    found = {}
    for each in results:
        if each["failure"]:
            found.setdefault(each["failure"]["cause"], []).append(each)
    causes = [
        {
            "id": name,
            "sentence": f"{name} is wrong",
            "level": "required",
            "trigger": {},
            "clauses": [each["clause"] for each in members],
            "components": list(dict.fromkeys(each["component"] for each in members)),
            "dtypes": list(dict.fromkeys(each["dtype"] for each in members)),
            "violations": len(members),
            "component": members[0]["component"],
            "clause": members[0]["clause"],
            "case": members[0]["failure"]["case"],
            "looks_like": None,
        }
        for name, members in found.items()
    ]
    made = {"package": "mine", "version": version, "device": "cpu", "sizes": "all", "notes": []}
    whole = {"schema": "assay-report/1", "assay": "0.1.0", "spec": "2026.12", "adapter": adapter}
    whole |= {"implementation": made, "profile": "quick", "seed": 0, "verdict": "violates" if causes else "conforms"}
    whole |= {"expected": len(results), "checked": len(results), "counts": {}, "run": "r", "results": list(results)}
    return whole | ({"causes": causes} if causes else {}) | more


BEFORE = report(
    "mine",
    failing("softmax", "float32", "SM-1", "sum"),
    line("softmax", "float32", "ALL-1"),
    failing("softmax", "float32", "ALL-3", "tail", ratio=5.0),
    line("rms_norm", "float32", "ALL-1"),
    failing("layer_norm", "float16", "LN-1", "mean"),
)
NOW = report(
    "mine",
    line("softmax", "float32", "SM-1"),
    line("softmax", "float32", "ALL-1", worst_ratio=0.75),
    failing("softmax", "float32", "ALL-3", "tail", ratio=20.0),
    failing("rms_norm", "float32", "ALL-1", "epsilon"),
    line("rms_norm", "float16", "ALL-1"),
    version="2.0",
)
OTHER = report("other", line("softmax", "float32", "ALL-1"), spec="2026.11")


def write(folder, name, *reports):
    file = folder / name
    indent = 1 if len(reports) == 1 else None
    file.write_text("".join(json.dumps(each, indent=indent) + "\n" for each in reports), encoding="utf-8")
    return str(file)


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["compare", *map(str, words)])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_what_a_version_changed():
    found = changes(BEFORE, NOW, 2.0)

    assert ("version", "1.0", "2.0") in found.about
    assert [each["id"] for each in found.mended] == ["sum"]
    assert [each["id"] for each in found.broke] == ["epsilon"]
    assert [each["id"] for each in found.unseen] == ["mean"]
    assert [(each["id"], said) for each, said in found.stayed] == [
        ("tail", "its error is 20 times the allowed, and was 5 times")
    ]
    assert (found.lost, found.gained) == ([("layer_norm", "float16")], [("rms_norm", "float16")])
    assert found.worse == [
        "ALL-3 softmax float32 fails by 20 times the allowed, and did by 5 times",
        "the largest error of softmax float32 is 0.75 times the allowed, and was 0.25 times",
    ]
    assert found.better == ["SM-1 softmax float32"]
    assert not found.same


def test_errors_that_grew_within_the_factor_are_no_news():
    assert changes(BEFORE, NOW, 5.0).worse == []


def test_of_the_same_report_nothing_changed():
    found = changes(BEFORE, copy.deepcopy(BEFORE), 2.0)

    assert found.same
    assert {said for _, said in found.stayed} == {""}


def test_a_cause_that_spreads_is_told():
    wider = report("mine", failing("softmax", "float32", "SM-1", "sum"), failing("softmax", "float16", "SM-1", "sum"))
    narrow = report("mine", failing("softmax", "float32", "SM-1", "sum"))

    assert changes(narrow, wider, 2.0).stayed[0][1] == "now also in float16"
    assert changes(wider, narrow, 2.0).stayed[0][1] == "no more in float16"


def test_reports_that_tell_no_causes_are_compared_by_checks():
    old = {name: value for name, value in BEFORE.items() if name != "causes"}
    found = changes(old, NOW, 2.0)

    assert found.without_causes
    assert "ALL-1 rms_norm float32 fails: epsilon is wrong" in found.worse


def test_the_screen_tells_it(tmp_path, capsys):
    old, new = write(tmp_path, "old.json", BEFORE), write(tmp_path, "new.json", NOW)
    said = run(capsys, old, new)

    for told in (
        r"^version +1\.0 -> 2\.0$",
        r"^broke +epsilon is wrong \(rms_norm\)$",
        r"^mended +sum is wrong \(softmax\)$",
        r"^not judged +mean is wrong \(layer_norm\)$",
        r"^in both +tail is wrong: its error is 20 times",
        r"^judged no more +layer_norm float16$",
        r"^judged now +rms_norm float16$",
        r"^worse +the largest error of softmax float32 is 0\.75 times",
        r"^passes now +SM-1 softmax float32$",
    ):
        assert re.search(told, said, re.MULTILINE), told
    assert "mine 1.0" in said
    assert "mine 2.0" in said
    assert "nothing got worse, and nothing was mended" in run(capsys, old, old)
    assert "broke" not in run(capsys, old, write(tmp_path, "other.json", OTHER))
    assert "the largest error" not in run(capsys, old, new, "--worse-by", "5")


def test_reports_of_one_name_are_told_apart():
    one, two = report("mine"), report("mine", incomplete=True)

    assert names_of([one, report("other")]) == ["mine", "other"]
    assert names_of([one, report("mine", version="2.0")]) == ["mine 1.0", "mine 2.0"]
    assert names_of([one, two]) == ["mine 1.0 (before)", "mine 1.0 (now) (interrupted)"]
    assert names_of([one, one, one]) == ["mine 1.0 (1)", "mine 1.0 (2)", "mine 1.0 (3)"]


def test_the_page_has_every_verdict_and_why(tmp_path, capsys):
    file = tmp_path / "page.html"
    names = [write(tmp_path, f"{k}.json", each) for k, each in enumerate((BEFORE, NOW, OTHER))]
    assert run(capsys, *names, "--html", file).endswith(f"{file} is written\n")
    text = file.read_text(encoding="utf-8")
    read = Reader(text)
    words = " ".join(read.text.split())

    assert not read.open
    assert "3 reports side by side" in words
    assert "The reports are of several versions of the spec" in words
    assert "2 of 3 fail" in words
    assert "1 pass ratio 0.25 class 1" in words or "1 passratio 0.25class 1" in words
    assert "What changed" not in words
    targets = {value for name, value in read.attributes if name == "id"}
    links = [value.removeprefix("#") for name, value in read.attributes if name == "href"]
    assert set(links) <= targets
    # Of every failing cell, a link leads to each cause.
    cells = re.findall(r'<td class="fail"[^>]*data-verdict="fails">(.*?)</td>', text)
    assert [cell.count('href="#report-') for cell in cells] == [2, 1, 1, 1]
    run(capsys, *names, "--html", file)  # over its own page


def test_two_versions_have_a_page_of_what_changed():
    read = " ".join(Reader(comparison_page([BEFORE, NOW], 2.0).decode()).text.split())

    assert "Broke: causes that are new epsilon is wrong rms_norm" in read
    assert "Mended: causes that are gone sum is wrong softmax" in read
    assert "Judged no more layer_norm float16" in read
    assert "Nothing got worse" in Reader(comparison_page([BEFORE, BEFORE], 2.0).decode()).text


def test_the_script_of_the_page_is_the_one_that_is_allowed():
    text = comparison_page([BEFORE], 2.0).decode()
    ((script),) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    read = Reader(text)
    allowed = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"

    assert ("content", allowed) in read.attributes
    assert not re.search(r"innerHTML|eval|fetch|https?:|import", script)
    assert "<form hidden>" in text
    assert [value for name, value in read.attributes if name in ("href", "src") and not value.startswith("#")] == []


def test_hostile_reports_are_text():
    hostile = json.loads(json.dumps(BEFORE).replace("sum is wrong", "HERE").replace('"mine"', '"HERE"'))
    hostile = json.loads(json.dumps(hostile).replace("HERE", json.dumps(HOSTILE)[1:-1]))
    hostile["results"][1]["component"] = HOSTILE
    hostile["results"][1]["dtype"] = '"><img src=x onerror=alert(1)>'
    hostile["profile"] = HOSTILE
    for reports in ([hostile], [hostile, hostile], [hostile, NOW]):
        text = comparison_page(reports, 2.0).decode()
        read = Reader(text)
        assert "<script>alert(1)</script>\\x1b[2J\\u202e" in read.text
        assert read.tags.count("script") == 1
        assert not {"img", "iframe", "link", "object"} & set(read.tags)
        assert not [name for name, _ in read.attributes if name.startswith("on")]
        assert not {"\x1b", "\u202e"} & set(text)


def test_hostile_reports_are_text_on_the_screen(tmp_path, capsys):
    hostile = json.loads(json.dumps(BEFORE).replace("sum is wrong", json.dumps(HOSTILE)[1:-1]))
    hostile["implementation"]["version"] = HOSTILE
    said = run(capsys, write(tmp_path, "a.json", hostile), write(tmp_path, "b.json", NOW))

    assert "\\x1b[2J\\u202e" in said
    assert not {"\x1b", "\u202e"} & set(said)


def test_a_report_without_causes_shows_what_fails_by_component():
    old = {name: value for name, value in BEFORE.items() if name != "causes"}
    read = Reader(comparison_page([old], 2.0).decode())
    words = " ".join(read.text.split())

    assert "1 softmax float32" in words
    assert "2 clauses: SM-1, ALL-3" in words
    assert "#report-1-1" in dict(map(reversed, read.attributes))


def test_mistakes_are_one_sentence(tmp_path, capsys):
    file, kept = write(tmp_path, "a.json", BEFORE), tmp_path / "mine.html"
    kept.write_text("<html>mine</html>", encoding="utf-8")

    assert complaint(capsys, "compare", file, "--html", str(kept)).startswith(f"--html {kept} would overwrite what is")
    assert "cannot be read as a report" in complaint(capsys, "compare", str(tmp_path / "none.json"))
    with pytest.raises(SystemExit) as ended:
        main(["compare"])
    assert ended.value.code == 2
    assert "the following arguments are required: REPORT.json" in capsys.readouterr().err
