#!/bin/bash
# A Ray cluster as long as one command runs, in a clone that every node sees:
#     sbatch --nodes 4 --cpus-per-task 16 deploy/slurm.sh python -m pipeline score /shared/pictures \
#         --model vgg --out /shared/scores
#SBATCH --job-name ray
#SBATCH --ntasks-per-node 1
#SBATCH --exclusive
#SBATCH --output slurm-%j.log
set -euo pipefail
source .venv/bin/activate
export RAY_USAGE_STATS_ENABLED=0
port=6379
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
ip=$(srun --nodes 1 --ntasks 1 --nodelist "$head" hostname --ip-address | awk '{print $1}')
[ -e ~/.ray/auth_token ] || ray get-auth-token --generate > /dev/null   # every node reads it from the home folder

# Slurm ends these steps, and with them Ray, when this script ends.
srun --nodes 1 --ntasks 1 --nodelist "$head" \
    ray start --block --head --node-ip-address "$ip" --port $port --num-cpus "$SLURM_CPUS_PER_TASK" &
for node in "${nodes[@]:1}"; do
    srun --nodes 1 --ntasks 1 --nodelist "$node" \
        ray start --block --address "$ip:$port" --num-cpus "$SLURM_CPUS_PER_TASK" &
done

export RAY_ADDRESS=$ip:$port
cpus=$((SLURM_JOB_NUM_NODES * SLURM_CPUS_PER_TASK))
joined="import ray; ray.init(); raise SystemExit(ray.cluster_resources().get('CPU', 0) < $cpus)"
until python -c "$joined" > /dev/null 2>&1; do sleep 2; done
"$@"
