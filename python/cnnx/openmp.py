"""Loads the core with a bound on how long OpenMP's idle threads spin; imported before all else.

A thread that waits for the others spins before it sleeps. GNU's libgomp spins for milliseconds by
default: on a machine that is busy with something else, each wait then takes the processor away from
the very thread it waits for, and training becomes many times slower. 10,000 turns, about
100 microseconds, cover the pauses inside a training step and cost nothing on a quiet machine. The
user's own OMP_WAIT_POLICY or GOMP_SPINCOUNT is left alone, and so is a libgomp that another package
has loaded before.
"""

import os

if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(os.environ):
    os.environ["GOMP_SPINCOUNT"] = "10000"  # read once, when the library is loaded
    try:
        from cnnx import _core  # noqa: F401
    finally:
        del os.environ["GOMP_SPINCOUNT"]
