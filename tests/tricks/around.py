"""Faults around a run: what happens to the judge, its files and its screen. Tests elsewhere cause them, and tell."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something that happens to a run."""

    does: str
    done: str
    says: tuple[str, ...]
    """What the user sees of it, which the test that causes it looks for."""
    rest: str
    """What becomes of everything else."""


EVENTS = {
    "signal": Event(
        "the run is interrupted (Ctrl-C, SIGTERM, SIGHUP; twice; with and without `-n`)",
        "the report is written and marked incomplete, exit status 3; no process and no folder stays",
        ("no verdict", "the run was interrupted"),
        "what was judged until then is in the report, the rest counts as errors in JUnit",
    ),
    "killed": Event(
        "the judge is killed (SIGKILL), and the run is resumed with `--resume`",
        "reports are saved now and then, whole; the implementation ends with the judge",
        ("conforms",),
        "what was judged is not judged again",
    ),
    "full screen": Event(
        "standard output cannot be written",
        "reports are written before the screen",
        ("assay: standard output cannot be written: No space left on device",),
        "yes",
    ),
    "gone": Event(
        "the working directory goes during a run with `-n`",
        "the report is written, and marked incomplete",
        ("assay: the working directory has gone, and with it the processes that judge",),
        "what was judged until then is in the report",
    ),
    "missing": Event(
        "one of several adapters cannot be loaded",
        "exit status 2, and an error in JUnit",
        ("assay: there is no file no.py",),
        "the others are judged and reported",
    ),
    "overwrites": Event(
        "a report would overwrite a file that is no report (`assay run --json my_kernel.py`)",
        "refused before anything is judged",
        ("would overwrite what is no report",),
        "-",
    ),
    "beside each other": Event(
        "two runs write the same report in one folder, at the same time",
        "each file is moved into its place whole",
        ("conforms",),
        "yes",
    ),
    "in its folder": Event(
        "`random.py`, `logging.py`, `torch.py`, `types.py` and settings of pytest lie in the working directory",
        "no process of a run imports from there, and none reads them",
        ("conforms",),
        "yes",
    ),
    "of ASCII": Event(
        "the screen has no letter for what is to be shown, and 40 columns; there is no home; Python runs with -OO",
        "it is spelled out",
        (r"note: d\xe9j\xe0 vu",),
        "yes",
    ),
}


def told(event: str, text: str) -> None:
    """Hold what a run has shown to what the page says of it."""
    for sentence in EVENTS[event].says:
        assert sentence in text
