"""Ports of the machine, for the add-ons that serve something.

- `ports.py`: whether one is free
"""

NEEDS = ()
