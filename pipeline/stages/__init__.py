"""The steps that dvc.yaml runs: each reads its params and inputs, calls the library, and writes its outputs."""
