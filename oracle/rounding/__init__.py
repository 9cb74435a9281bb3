"""The machinery of rounding: number formats, numerics, bounds, and tensors that carry their errors."""
