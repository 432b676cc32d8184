"""What every other folder stands on; imports nothing of ours.

- `errors.py`: one kind of error for what a person can put right, and how every command ends
- `files.py`: files written whole or not at all, always the same bytes for the same content
- `processor.py`: what this machine computes on
- `progress.py`: how far a training is, and how long it still takes
- `quiet.py`: what C++ code prints past Python, held back
- `tables.py`: tables of pandas as a terminal and Markdown show them
- `templates.py`: templates of Jinja2
"""
