"""The oracle: each operation of cnnx written again from its equation, in NumPy and float64.

Loops go over output pixels and window taps; only channels and the batch are left to NumPy. Nothing
here is shared with the library. Sizes in pairs are (height, width), padding is (top, left).
`reference.pictures` and `reference.loss_forms` are imported by themselves.
"""

from reference.activations import *
from reference.arrangement import *
from reference.arrays import *
from reference.convolutions import *
from reference.differences import *
from reference.losses import *
from reference.matrices import *
from reference.merging import *
from reference.normalization import *
from reference.norms import *
from reference.optimizers import *
from reference.pooling import *
from reference.randomness import *
from reference.upsampling import *
from reference.windows import *
