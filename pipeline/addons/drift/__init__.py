"""What the service sees, held against the test split.

- `observations.py`: what is noted of a picture and of its answer, and the log that keeps it
- `command.py`: tells whether what the service sees is like the test split, by a test of each number
"""

NEEDS = ()
