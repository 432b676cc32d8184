"""Ray: this machine's cores, or the cluster that `RAY_ADDRESS` names.

- `connection.py`: joins a cluster, or starts one here, and says in a line why it cannot
- `trainer.py`: a training on several workers
- `distributed.py`: what each worker computes
"""

NEEDS = ()
