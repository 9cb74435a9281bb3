"""`results.sqlite`: what came of each kernel, to be asked by anybody, and what tells which are judged already.

Three tables: `kernels` has a row for each kernel of the last call, `results` one for each component, dtype and clause
of it, `causes` one for each thing that is wrong. docs/many-kernels.md has their columns, and queries.
"""

import contextlib
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..options import UsageError
from .row import Row

_OURS: Final = 0x61737379
"""In the header of our databases: `assy`."""
_SCHEMA: Final = """
CREATE TABLE kernels (
    id INTEGER PRIMARY KEY, place INTEGER NOT NULL, file TEXT NOT NULL UNIQUE, adapter TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('conforms', 'violates', 'no-evidence', 'not-judged')),
    sentence TEXT NOT NULL, causes INTEGER NOT NULL, violations INTEGER NOT NULL,
    components TEXT NOT NULL, dtypes TEXT NOT NULL, class INTEGER, seed TEXT, seconds REAL NOT NULL, cpu REAL NOT NULL,
    tries INTEGER NOT NULL, stopped_after REAL, key TEXT NOT NULL
);
CREATE TABLE results (
    kernel INTEGER NOT NULL REFERENCES kernels (id) ON DELETE CASCADE,
    component TEXT NOT NULL, dtype TEXT NOT NULL, clause TEXT NOT NULL, level TEXT NOT NULL, status TEXT NOT NULL,
    examples INTEGER NOT NULL, worst_ratio REAL, class INTEGER, reason TEXT,
    PRIMARY KEY (kernel, component, dtype, clause)
) WITHOUT ROWID;
CREATE TABLE causes (
    kernel INTEGER NOT NULL REFERENCES kernels (id) ON DELETE CASCADE,
    place INTEGER NOT NULL, level TEXT NOT NULL, sentence TEXT NOT NULL, looks_like TEXT, violations INTEGER NOT NULL,
    components TEXT NOT NULL, dtypes TEXT NOT NULL, clauses TEXT NOT NULL, "case" TEXT NOT NULL,
    PRIMARY KEY (kernel, place)
) WITHOUT ROWID;
"""


class Database:
    """The file, open."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it; `UsageError`, one sentence, if it is none of ours."""
        self._path = path
        try:
            self._connection = sqlite3.connect(path)
        except sqlite3.Error as error:
            raise UsageError(f"the results cannot be written to {path}: {error}") from None
        try:
            ours = self._is_ours()
        except sqlite3.Error as error:
            self._connection.close()
            raise UsageError(f"{path} cannot be read as the results of an earlier call: {error}; remove it") from None
        if not ours:
            self._connection.close()
            raise UsageError(f"{path} is another program's database; name another folder")

    def _is_ours(self) -> bool:
        """Say whether it is a database of ours, as a new one is from here on."""
        (number,) = self._connection.execute("PRAGMA application_id").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._connection.execute("PRAGMA foreign_keys = ON")
        if not tables:
            self._connection.executescript(f"BEGIN; PRAGMA application_id = {_OURS}; {_SCHEMA} COMMIT;")
        return number == _OURS or not tables

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    @contextlib.contextmanager
    def _changed(self) -> Iterator[sqlite3.Connection]:
        """Change all or nothing."""
        try:
            with self._connection:
                yield self._connection
        except sqlite3.Error as error:
            raise UsageError(f"the results cannot be written to {self._path}: {error}") from None

    def keep(self, files: Sequence[str]) -> None:
        """Forget what is not of these kernels, and put the rest into their order."""
        places = {file: place for place, file in enumerate(files, 1)}
        with self._changed() as connection:
            known = [file for (file,) in connection.execute("SELECT file FROM kernels")]
            connection.executemany("DELETE FROM kernels WHERE file = ?", [(f,) for f in known if f not in places])
            connection.executemany(
                "UPDATE kernels SET place = ? WHERE file = ?", [(places[f], f) for f in known if f in places]
            )

    def forget(self, files: Collection[str]) -> None:
        """Forget these kernels, which are judged again."""
        with self._changed() as connection:
            connection.executemany("DELETE FROM kernels WHERE file = ?", [(file,) for file in files])

    def put(self, row: Row, place: int) -> None:
        """Take in a row, in the place of what was known of its kernel."""
        with self._changed() as connection:
            connection.execute("DELETE FROM kernels WHERE file = ?", (row.file,))
            values = (
                *(place, row.file, row.adapter, row.verdict, row.sentence, len(row.causes), row.violations),
                *(", ".join(row.components), ", ".join(row.dtypes), row.precision_class),
                *(None if row.seed is None else str(row.seed), row.seconds, row.cpu, row.tries, row.limit, row.key),
            )
            marks = ", ".join("?" * len(values))
            kernel = connection.execute(f"INSERT INTO kernels VALUES (NULL, {marks})", values).lastrowid
            connection.executemany(
                "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        *(kernel, each.component, each.dtype, each.clause, each.level, each.status, each.examples),
                        *(each.worst_ratio, each.precision_class, each.reason),
                    )
                    for each in row.results
                ],
            )
            connection.executemany(
                "INSERT INTO causes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(kernel, number, *_of_cause(cause)) for number, cause in enumerate(row.causes, 1)],
            )

    def judged(self, limit: float) -> dict[str, str]:
        """Return the keys of the kernels that need not be judged again; of what was stopped, if it had so much time."""
        found = self._connection.execute(
            "SELECT file, key FROM kernels WHERE key <> '' AND (stopped_after IS NULL OR stopped_after >= ?)", (limit,)
        )
        return dict(found.fetchall())

    def counts(self) -> dict[str, int]:
        """Count the kernels of each verdict."""
        return dict(self._connection.execute("SELECT verdict, count(*) FROM kernels GROUP BY verdict").fetchall())

    def sentences(self) -> list[tuple[str, int]]:
        """Count what is wrong of several kernels, or kept several from being judged; the most frequent first."""
        query = "SELECT sentence, count(*) AS number FROM kernels WHERE sentence <> '' GROUP BY sentence"
        return self._connection.execute(f"{query} HAVING number > 1 ORDER BY number DESC, sentence").fetchall()

    def rows(self) -> list[Mapping[str, Any]]:
        """Return all kernels in their order, each with its causes."""
        columns = "id, file, adapter, verdict, sentence, violations, components, dtypes, class, seed, seconds"
        names = columns.split(", ")
        found = self._connection.execute(f"SELECT {columns} FROM kernels ORDER BY place").fetchall()
        causes: dict[int, list[Mapping[str, Any]]] = {}
        every = self._connection.execute(
            "SELECT kernel, level, sentence, components FROM causes ORDER BY kernel, place"
        )
        for kernel, *cause in every:
            causes.setdefault(kernel, []).append(dict(zip(("level", "sentence", "components"), cause, strict=True)))
        return [{**dict(zip(names, values, strict=True)), "causes": causes.get(values[0], [])} for values in found]


def _of_cause(cause: Mapping[str, Any]) -> tuple[object, ...]:
    named = (", ".join(cause[name]) for name in ("components", "dtypes", "clauses"))
    return (cause["level"], cause["sentence"], cause["looks_like"], cause["violations"], *named, cause["case"])
