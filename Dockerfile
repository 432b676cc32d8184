# The service: LiteRT and the modules that answer, without TensorFlow, mlflow or a shell. docs/deploy.md
# Digests of whole indexes: each machine gets the image of its architecture, the same every time.

FROM python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS build
COPY requirements-serve.lock /
# A requirement of LiteRT claims to be for Pythons before 3.11. Removed is what nothing here imports: LiteRT's parts for
# GPUs and NPUs, NumPy's Fortran tools, everybody's tests.
RUN pip install --no-cache-dir --no-compile --require-hashes --ignore-requires-python --only-binary :all: \
        --target /packages --requirement /requirements-serve.lock \
    && find /packages \( -name libLiteRtWebGpuAccelerator.so -o -path "*/ai_edge_litert/tools" \
        -o -path "*/ai_edge_litert/vendors" -o -path "*/numpy/f2py" -o -name tests \) -prune -exec rm -r {} +

# Debian's Python 3.13 and C libraries, 61 MB.
FROM gcr.io/distroless/python3-debian13:nonroot@sha256:83aa8d4f74a4d7f7cf2d472054139bef71a927b76c680c0f2e1021d6b1d6d732 AS service
COPY --from=build /packages /packages
WORKDIR /app
COPY pipeline/__init__.py pipeline/addons/serve/command.py pipeline/
COPY pipeline/base pipeline/base
COPY pipeline/config pipeline/config
COPY pipeline/addons/drift/__init__.py pipeline/addons/drift/observations.py pipeline/monitoring/
COPY pipeline/runtimes pipeline/runtimes
COPY pipeline/serving pipeline/serving
COPY pipeline/addons/registry/__init__.py pipeline/addons/registry/asking.py pipeline/champion/
COPY pipeline/data/__init__.py pipeline/data/pictures.py pipeline/data/
COPY pipeline/tracking/__init__.py pipeline/tracking/location.py pipeline/tracking/ports.py pipeline/tracking/
ENV PYTHONPATH=/packages PYTHONPYCACHEPREFIX=/bytecode
# What a container with a read-only root cannot keep, the bytecode of all that the service imports, is made once here.
USER 0:0
RUN ["python3", "-m", "pipeline.serve", "--help"]
# Nobody that the host knows.
USER 65532:65532
EXPOSE 5001
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --start-interval=1s \
    CMD ["python3", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:5001/health', timeout=4)"]
# No shell in between: SIGTERM reaches the service, which answers what has come before it ends.
ENTRYPOINT ["python3", "-m", "pipeline.serve", "--host", "0.0.0.0"]
# model.tflite and about.json are mounted at /model, or are inside, as in the stage below.
CMD ["--folder", "/model"]

FROM service
ARG MODEL
COPY ${MODEL} /model
