"""From a dataset to trained, measured models: the core, and beside it `addons/`, each of which a person may delete.

Imports of the core go down this list, never up: `__main__.py`, `commands/`, `stages/`, `tracking/`, `figures/`,
`evaluation/`, `network/`, `data/`, `config/`, `base/`. A folder's docstring says what its files hold.
"""
