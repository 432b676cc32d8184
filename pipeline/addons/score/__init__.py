"""Millions of pictures, scored part by part: each part a file, whole or not at all, so that a kill costs one part.

- `inputs.py`: what is to be scored, a folder of pictures or an array in a file, read a part at a time
- `parts.py`: the folder of results: what decided about them, which parts are there, what could not be read
- `scorer.py`: a model that was loaded once scores part after part, here or in Ray's actors
- `command.py`: scores many pictures, resumably
"""

NEEDS = ("predict", "ray")  # other add-ons
