"""Targets and outputs of samples for losses."""

from __future__ import annotations

import numpy as np

import reference
from agreement import normal

LOGITS = normal(1, 8, 4)
PROBS = reference.softmax_forward(LOGITS).astype(np.float32)
LABELS = np.arange(8) % 4
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
SMOOTH = 0.8 * ONE_HOT + 0.2 / 4
TARGETS = np.random.default_rng(1).random((8, 4), np.float32)
