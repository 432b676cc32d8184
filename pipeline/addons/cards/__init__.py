"""A card for each model, in Markdown: what it is, what it was trained on, where it is weak.

- `document.py`: fills in the template `card.md.jinja`
"""

NEEDS = ()
