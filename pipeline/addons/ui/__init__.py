"""MLflow's pages, which open on saved views of the runs.

- `views.py`: the saved views
- `command.py`: prints an address for each dataset, and serves the pages
"""

NEEDS = ()
