"""The accused: implementations of the Transformer's components, each behind the same few calls.

This is the side that the judge sees; importing it imports no framework. An implementation runs in a worker process
(`worker.py`), which never holds the oracle. How the two talk is in `message.py`, what they talk about in
`contract.py`, and the built-in adapters are in `library/`.
"""

from .adapter import Adapter as Adapter
from .calling import Call as Call
from .calling import Reply as Reply
from .declaration import AdapterError as AdapterError
from .declaration import Offer as Offer
from .listing import Listed as Listed
from .listing import available as available
from .opening import open_adapter as open_adapter
