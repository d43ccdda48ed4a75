"""Targets and outputs of samples for metrics."""

from __future__ import annotations

import numpy as np

from agreement import normal

CHANCE = np.random.default_rng(3)
N, CLASSES = 211, 4
YES = CHANCE.integers(0, 2, N).astype(np.float32)
SCORES = np.clip(YES * 0.3 + CHANCE.random(N) * 0.7, 0, 1).astype(np.float32)
WEIGHTS = CHANCE.random(N).astype(np.float32)
LABELS = CHANCE.integers(0, CLASSES, N)
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]
SHARES = CHANCE.random((N, CLASSES)).astype(np.float32) + 0.7 * ONE_HOT
SHARES /= SHARES.sum(axis=1, keepdims=True)
MULTI = CHANCE.integers(0, 2, (N, CLASSES)).astype(np.float32)
NUMBERS, OTHERS = normal(1, N, 3), normal(2, N, 3)
