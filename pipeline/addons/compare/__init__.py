"""What another git revision holds, and what has changed since.

- `reading.py`: a revision's params, metrics and predictions, from git and DVC's cache or remote
- `comparing.py`: two revisions side by side, in tables
- `writing.py`: the tables for a terminal and in Markdown
- `checks.py`: holds a model to other revisions, as the gate asks for it
- `command.py`: tells what has changed since another revision
"""

NEEDS = ()
