"""What `params.yaml` says.

- `schema.py`: what it may hold: sections, keys, types, ranges
- `models.py`: the sections `train` and `models`
- `gate.py`: the section `gate`
- `section.py`: what every section is made of
- `loading.py`: reading it, each model given the defaults of `train`
- `explain.py`: what is wrong with it, in its own terms
- `network_fits.py`: whether the images are large enough for each network
"""
