def teachers_of(wildcards):
    return [LAYOUT.weights(teacher) for teacher in CONFIG["runs"][wildcards.run]["teachers"]]


def scores_of(wildcards):
    """The teachers' scores, for a run that has teachers."""
    return [LAYOUT.scores(wildcards.run)] if CONFIG["runs"][wildcards.run]["teachers"] else []


def initial_of(wildcards):
    """Weights to start from, for a run that does not start from random ones."""
    initial = LAYOUT.initial(CONFIG["runs"][wildcards.run])
    return [initial] if initial else []


rule distil:
    input:
        weights=teachers_of,
        synthetic=lambda wildcards: LAYOUT.synthetic(CONFIG["runs"][wildcards.run]["synthetic"]),
    output:
        table=LAYOUT.scores("{run}"),
        report=report_of(LAYOUT.scores("{run}")),
    log:
        log_of("distil.{run}"),
    params:
        config=EFFECTIVE,
        settings=lambda wildcards: settings("runs", wildcards.run, "teachers"),
        use=lambda wildcards: str(synthetic_use(CONFIG["runs"][wildcards.run])),
        weights=lambda wildcards, input: " ".join(f"--weights {quote(path)}" for path in input.weights),
    conda:
        environment("training")
    threads: workflow.cores
    shell:
        "{STEP} distil --config {params.config:q} --run {wildcards.run:q} {params.weights} "
        "--synthetic {input.synthetic:q} --output {output.table:q} --report {output.report:q} 3>&2 > {log:q} 2>&1"


# The checkpoint is no output: it outlives a job that was stopped, and the next one goes on from it.
rule train:
    input:
        table=rules.assemble.output.table,
        buckets=rules.buckets.output.table,
        split=rules.split.output.table,
        sample=rules.sample.output.table,
        synthetic=scores_of,
        initial=initial_of,
    output:
        weights=LAYOUT.weights("{run}"),
        history=LAYOUT.run("{run}") / "history.json",
        summary=LAYOUT.run("{run}") / "summary.json",
    log:
        log_of("train.{run}"),
    params:
        config=EFFECTIVE,
        settings=lambda wildcards: settings("runs", wildcards.run),
        folder=str(LAYOUT.run("{run}")),
        synthetic=lambda wildcards, input: f"--synthetic {quote(input.synthetic[0])}" if input.synthetic else "",
        initial=lambda wildcards, input: f"--initial {quote(input.initial[0])}" if input.initial else "",
    conda:
        environment("training")
    threads: workflow.cores
    shell:
        "{STEP} train --config {params.config:q} --run {wildcards.run:q} --table {input.table:q} "
        "--buckets {input.buckets:q} --split {input.split:q} --sample {input.sample:q} {params.synthetic} "
        "{params.initial} --output {params.folder:q} --restart --progress line 3>&2 > {log:q} 2>&1"
