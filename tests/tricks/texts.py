"""Text that would change the screen or a report: of exceptions, and of what an adapter says of itself."""

from .faults import fault

MUTE = """
    class Mute(Exception):
        def __str__(self): raise RuntimeError
    raise Mute()
"""
TEXTS = (
    fault(
        "raises text that is markup",
        "raise ValueError('[/x] \\\\[bold]')",
        "one function makes all foreign text harmless",
    ),
    fault("raises escape sequences", "raise ValueError('\\x1b[2J\\x1b[8mhidden')", "likewise"),
    fault("raises a lone surrogate", "raise ValueError('\\ud800')", "likewise"),
    fault("raises text that is turned round", "raise ValueError('\\u202econforms')", "likewise"),
    fault("has an exception whose text raises", MUTE, "likewise"),
    fault(
        "has a note of 10 MB", "return right(x)", "cut, with its length", head="notes = 'n' * 10**7", verdict="conforms"
    ),
    fault("has a message of 1 MB", "raise ValueError('x' * 10**6)", "likewise"),
)
