"""The service: an exported network, asked over HTTP. Knows neither TensorFlow nor mlflow.

- `model.py`: a version that answers
- `batching.py`: requests that come together are computed together
- `bodies.py`: images from JSON, raw bytes, `.npy`, pictures
- `forms.py`: the files of a form
- `reading.py`: bodies within limits, and images from them by their Content-Type
- `inference.py`: the open inference protocol, version 2
- `observing.py`: notes what comes in, for `python -m pipeline drift`
- `watching.py`: token, log and metrics of each request
- `metrics.py`: what Prometheus is told
- `connections.py`: connections with patience
- `following.py`: which version is served, and the next champion
- `app.py`: the routes
- `command.py`: serves the champion

`page.html` is the page at `/`.
"""

NEEDS = ("runtimes", "drift", "registry")  # other add-ons
INSTALLED_BY = "make serve"  # the packages that it alone needs
