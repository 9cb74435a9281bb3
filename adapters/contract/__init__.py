"""The contract between assay and an implementation, as tables: functions, conventions, numerics.

Everything here is data that both ends of the pipe read: loading checks an adapter against it, the worker builds calls
from it, the oracle checks shapes by it, and the judge knows by it what a result looks like. What a function means
numerically is not this folder's business (that is the oracle's).
"""

from .declarations import CONVENTIONS as CONVENTIONS
from .declarations import DTYPES as DTYPES
from .declarations import FORMATS as FORMATS
from .declarations import LARGEST_NUMBER as LARGEST_NUMBER
from .declarations import NUMERICS as NUMERICS
from .declarations import RENAMED as RENAMED
from .declarations import SIZES as SIZES
from .function import REQUIRED as REQUIRED
from .function import Function as Function
from .functions import AXES as AXES
from .functions import FUNCTIONS as FUNCTIONS
from .weights import DECODER_LAYER as DECODER_LAYER
from .weights import ENCODER_LAYER as ENCODER_LAYER
