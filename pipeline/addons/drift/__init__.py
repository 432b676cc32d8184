"""What the service sees, held against the test split.

- `observations.py`: what is noted of a picture and of its answer, and the log that keeps it
- `changes.py`: which of it has moved, by a test, and as a table
- `command.py`: tells whether what the service sees is like the test split
"""

NEEDS = ()
