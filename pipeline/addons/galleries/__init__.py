"""Lists of images as pictures, for the add-ons that make such lists.

- `galleries.py`: images in rows beneath their captions
"""

NEEDS = ()
