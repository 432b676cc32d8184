"""What another git revision holds, and what has changed since.

- `reading.py`: a revision's params, metrics and predictions, from git and DVC's cache or remote
- `comparing.py`: two revisions side by side, in tables
- `welch.py`: the accuracies of two models where nobody knows which images each gets right
- `command.py`: tells what has changed since another revision, for a terminal or in Markdown
- `checks.py`: holds a model to other revisions, as the gate asks for it
"""

NEEDS = ()
