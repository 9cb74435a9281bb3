"""Numerical properties as one page: sentences, plots and tables; no network, no script, light and dark.

A plot is an image within the page, so that its letters and colours are its own. Text from elsewhere, such as the
sentence of an exception, goes through `harmless` and through the escaping of the template.
"""

import base64
import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ...adapters.foreign_text import harmless
from ..properties.kinds import Shown
from .html_page import environment


def page(every: Sequence[Shown], drawn: Mapping[str, str], seed: int) -> bytes:
    """Write the page of what is shown, with each plot's SVG by its name."""
    shown = [_of(each, drawn) for each in every]
    title = "Numerical properties" if len({each.name for each in every}) > 1 else f"Errors of {shown[0]['name']}"
    title = shown[0]["title"] if len(shown) == 1 else title
    version = importlib.metadata.version("assay")
    whole = environment().get_template("properties.html")
    return whole.render(title=title, shown=shown, seed=seed, assay=version).encode()


def _of(shown: Shown, drawn: Mapping[str, str]) -> dict[str, Any]:
    plots = [
        {
            "title": plot.title,
            "says": plot.says,
            "source": f"data:image/svg+xml;base64,{base64.b64encode(drawn[plot.name].encode()).decode()}",
        }
        for plot in shown.plots
    ]
    told: dict[str, Any] = harmless(asdict(replace(shown, plots=())))
    # The pictures after `harmless`, which cuts what is long.
    return told | {"plots": [each | harmless({"title": each["title"], "says": each["says"]}) for each in plots]}
