"""One HTML page of all models, which opens offline: `page.html.jinja` with its styles and scripts, filled in.

- `document.py`: fills in the template
- `content.py`: what the scripts need to know, as JSON
- `sprites.py`: all images in one picture

`scripts/` holds what runs in the browser, in the order of its names; `uplot/` is uPlot 1.6.32 (MIT), as published.
"""

NEEDS = ()
