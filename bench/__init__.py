"""Measurements. Each prints its figures beside a floor or a named peer, taken in the same run."""
