#!/usr/bin/env bash
# Both workflows on SLURM, for real: starts a SLURM of one node from Debian's packages on this machine, runs the
# training on simulated data and the prediction of many files with their profiles slurm, and stops it again.
#
#   sudo apt-get install slurm-wlm munge     # Debian 12, Ubuntu 24.04
#   sudo tests/slurm/run_on_one_node.sh      # as root, in the environment of `python3.11 start.py test`
#
# Says so and does nothing where that SLURM cannot be started: without root, without the packages, or where a munge or
# SLURM is running or configured already. What it starts and writes is in a folder of its own, but for a link to it,
# /etc/slurm/slurm.conf, which it takes away again: the jobs themselves look for the configuration there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${1:-$root/.venv/bin}

skip() {
    echo "SKIPPED, nothing was run on SLURM: $1"
    exit 0
}

[ "$(uname)" = Linux ] || skip "this is not Linux"
[ "$(id -u)" = 0 ] || skip "a SLURM of one node is started as root"
for program in munged slurmctld slurmd sbatch squeue; do
    command -v "$program" >/dev/null || skip "there is no $program: apt-get install slurm-wlm munge"
done
[ -x "$bin/snakemake" ] || skip "there is no $bin/snakemake: python3.11 start.py test sets it up"
for program in munged slurmctld slurmd; do
    if pgrep -x "$program" >/dev/null; then
        skip "$program is running already, and might be in use"
    fi
done
configuration=/etc/slurm/slurm.conf
if [ -e "$configuration" ] || [ -L "$configuration" ]; then
    skip "$configuration is there already"
fi

folder=$(mktemp -d)
chmod 755 "$folder"
node=$(hostname -s)
pids=()

# Wait up to 30 s until a command succeeds.
wait_for() {
    for _ in $(seq 60); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.5
    done
    return 1
}

gone() {
    ! kill -0 "$1"
}

# The daemons write until they end: the folder is removed after that.
stop() {
    status=$?
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${pids[@]}"; do
        wait_for gone "$pid" || kill -9 "$pid" || true
    done
    wait_for bash -c '! pgrep -x slurmstepd' || true
    if [ "$(readlink "$configuration")" = "$folder/slurm.conf" ]; then
        rm "$configuration"
    fi
    if [ $status -ne 0 ]; then
        echo "FAILED (status $status); the logs are in $folder" >&2
        tail -n 5 "$folder"/slurm*d.log >&2 || true
    else
        rm -rf "$folder" || echo "$folder could not be removed" >&2
    fi
}
trap stop EXIT

head -c 1024 /dev/urandom >"$folder/munge.key"
chmod 400 "$folder/munge.key"
mkdir -m 755 "$folder/munge"
munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge/socket" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munged.log" --seed-file="$folder/munge/seed" \
    >"$folder/munged.out.log" 2>&1 &
pids+=($!)
wait_for munge --socket="$folder/munge/socket" --no-input ||
    skip "munged does not start: $(tail -n 1 "$folder"/munged*.log)"

cores=$(nproc)
memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
mkdir "$folder/state" "$folder/spool"
# Jobs are followed by their process ids and are not confined: neither cgroups nor systemd are needed. Finished jobs are
# remembered for long enough to be asked about: there is no accounting.
cat >"$folder/slurm.conf" <<CONF
ClusterName=one
SlurmctldHost=$node
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MinJobAge=3600
ReturnToService=2
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$node CPUs=$cores RealMemory=$memory State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP
CONF
mkdir -p "$(dirname "$configuration")"
ln -s "$folder/slurm.conf" "$configuration"
slurmctld -D >"$folder/slurmctld.out.log" 2>&1 &
pids+=($!)
slurmd -D -N "$node" >"$folder/slurmd.out.log" 2>&1 &
pids+=($!)
wait_for bash -c 'sinfo --noheader --format=%t | grep -qx idle' ||
    skip "SLURM does not start: $(tail -n 2 "$folder/slurmctld.log" "$folder/slurmd.log")"
echo "== SLURM $(sinfo --version) on $node with $cores cores"

# The profiles ask for what a cluster has; this node has less. No accounting: jobs are asked for with squeue.
small=(--slurm-status-command squeue --slurm-init-seconds-before-status-checks 5 --slurm-no-account --latency-wait 10)
small+=(--default-resources mem_mb=1000 runtime=30)

echo "== Training workflow on simulated data up to the report of its last run, profile slurm"
mkdir "$folder/training"
cd "$root"
"$bin/python" -m training simulate --output "$folder/training/data"
"$bin/snakemake" results/ci/runs/student/report.html --snakefile training/workflow/Snakefile \
    --workflow-profile training/workflow/profiles/slurm \
    --configfile training/config/ci.yaml --directory "$folder/training" "${small[@]}" \
    --set-threads distil=1 train=1 evaluate=1 base_changes=1 \
    --set-resources download:mem_mb=1000 assemble:mem_mb=1000 split:mem_mb=1000 sample:mem_mb=1000 \
    synthesise:mem_mb=1000 distil:mem_mb=3000 train:mem_mb=3000 evaluate:mem_mb=3000 figures:mem_mb=1000
test -s "$folder/training/results/ci/runs/student/evaluation/evaluation.json"

echo "== Prediction of many files, profile slurm"
mkdir "$folder/prediction"
cp model_files/example/promoters.fa "$folder/prediction/"
cat >"$folder/prediction/files.yaml" <<CONF
files: [promoters.fa]
batch_size: 4
shard_size: 8
CONF
"$bin/snakemake" --snakefile many_files/Snakefile --workflow-profile many_files/profiles/slurm \
    --configfile "$folder/prediction/files.yaml" --directory "$folder/prediction" "${small[@]}" \
    --set-threads predict=1 --set-resources predict:mem_mb=3000 split:mem_mb=1000
"$bin/kipoi" predict . --source dir --dataloader_args sequence_file="$folder/prediction/promoters.fa" \
    --keep_metadata --batch_size 4 -o "$folder/prediction/whole.tsv"
"$bin/python" tests/closeness.py "$folder/prediction/whole.tsv" "$folder/prediction/predictions/promoters.tsv"

jobs=$(squeue --noheader --states=COMPLETED | wc -l)
[ "$jobs" -ge 20 ] || { echo "only $jobs jobs were completed by SLURM" >&2; exit 1; }
echo "== All well: SLURM completed $jobs jobs"
