"""The service: an exported network, asked over HTTP. Knows neither TensorFlow nor mlflow.

- `connections.py`: connections with patience
- `reading.py`: bodies within limits, and images from them by their Content-Type
- `bodies.py`: images from JSON and raw bytes
- `batching.py`: requests that come together are computed together
- `watching.py`: who may ask; log and metrics of each request
- `app.py`: the routes
- `command.py`: serves the champion, and the next one without a restart

`page.html` is the page at `/`.
"""

NEEDS = ("drift", "registry", "ports")  # other add-ons
INSTALLED_BY = "make serve"  # the packages that it alone needs
