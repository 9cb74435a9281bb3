"""`assay run --each`: many adapters in one command, each before a judge of its own.

`options.py` says what the call takes, `command.py` reads and ends it, `kernels.py` says what is judged, `conducting.py`
hands it over and takes in what comes. The judges are processes of this machine (`judges.py`), which `server.py` starts,
or of a cluster (`cluster.py`). What came of a kernel is a row (`row.py`), kept in a database (`database.py`) and shown
on a page (`table.py`); `watching.py` shows the way there.
"""
