"""MLflow's pages, which open on a saved view of the runs.

- `views.py`: the saved view
- `command.py`: prints an address for each dataset, and serves the pages
"""

NEEDS = ("ports",)  # another add-on
