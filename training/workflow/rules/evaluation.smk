# The parts are not a setting: the test part is scored by hand, once, for the chosen run.
rule evaluate:
    input:
        weights=rules.train.output.weights,
        sample=rules.sample.output.table,
        tables=[LAYOUT.constructs, LAYOUT.buckets, LAYOUT.split],
    output:
        evaluation=evaluation_of("{run}"),
        predictions=LAYOUT.evaluation("{run}") / "predictions.tsv",
    log:
        log_of("evaluate.{run}"),
    params:
        config=EFFECTIVE,
        folder=LAYOUT.evaluation("{run}"),
    conda:
        "../envs/training.yaml"
    threads: workflow.cores
    shell:
        "{STEP} evaluate --config {params.config} --run {wildcards.run} --parts train,validation "
        "--output {params.folder} > {log} 2>&1"


rule record:
    input:
        rules.evaluate.output.evaluation,
        rules.train.output.summary,
    output:
        LAYOUT.record("{run}"),
    log:
        log_of("record.{run}"),
    params:
        config=EFFECTIVE,
    conda:
        "../envs/training.yaml"
    shell:
        "{STEP} record --config {params.config} --run {wildcards.run} --output {output} > {log} 2>&1"


if CONFIG["export"]:

    rule export:
        input:
            weights=LAYOUT.weights(CONFIG["export"]["run"]),
            evaluation=evaluation_of(CONFIG["export"]["run"]),
        output:
            touch(LAYOUT.root / "exported"),
        log:
            log_of("export"),
        params:
            config=EFFECTIVE,
            run=CONFIG["export"]["run"],
            entry=CONFIG["export"]["entry"],
        conda:
            "../envs/training.yaml"
        shell:
            "{STEP} export --config {params.config} --run {params.run} --entry {params.entry} > {log} 2>&1"
