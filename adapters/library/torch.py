"""PyTorch as a user gets it: the functions of torch.nn.functional and torch.optim, each with its automatic choices.

Where torch has no function, the recipe of its tutorials stands in: positional_encoding, additive_attention (the
sequence-to-sequence tutorial), and the schedule handed to LambdaLR.
"""

from ._torch_functions import additive_attention as additive_attention
from ._torch_functions import attention as attention
from ._torch_functions import bilinear_attention as bilinear_attention
from ._torch_functions import cross_entropy as cross_entropy
from ._torch_functions import dropout as dropout
from ._torch_functions import embedding as embedding
from ._torch_functions import feed_forward as feed_forward
from ._torch_functions import gated_feed_forward as gated_feed_forward
from ._torch_functions import layer_norm as layer_norm
from ._torch_functions import learning_rate as learning_rate
from ._torch_functions import log_softmax as log_softmax
from ._torch_functions import output_logits as output_logits
from ._torch_functions import positional_encoding as positional_encoding
from ._torch_functions import positions as positions
from ._torch_functions import rms_norm as rms_norm
from ._torch_functions import softmax as softmax
from ._torch_layers import decoder as decoder
from ._torch_layers import decoder_layer as decoder_layer
from ._torch_layers import encoder as encoder
from ._torch_layers import encoder_layer as encoder_layer
from ._torch_layers import multi_head_attention as multi_head_attention
from .torch_adam import Adam

framework = "torch"
package = "torch"
dtypes = ("float64", "float32", "bfloat16", "float16")
# The flash kernel for float16 on a processor takes its exponentials with a relative bias of 4.5e-5, measured:
# some 1024 units in the last place of its float32 accumulator.
numerics = {"float16": {"exp_error": 1024, "probabilities": "float16"}}

adam = Adam().adam
