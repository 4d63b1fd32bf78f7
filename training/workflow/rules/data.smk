rule download:
    output:
        LAYOUT.files,
    log:
        log_of("download"),
    params:
        config=EFFECTIVE,
        settings=json.dumps([CONFIG["data"]["folder"], files_of(CONFIG)]),
    conda:
        environment("data")
    resources:
        downloads=1,
    shell:
        "{STEP} download --config {params.config:q} --report {output:q} 3>&2 > {log:q} 2>&1"


# The rules that read data files have their content as a parameter; the steps check that they read what is in the report
# of the step download.
rule assemble:
    input:
        rules.download.output,
    output:
        table=LAYOUT.constructs,
        report=report_of(LAYOUT.constructs),
    log:
        log_of("assemble"),
    params:
        config=EFFECTIVE,
        settings=settings("data"),
        files=lambda wildcards: content(*data_files_of(CONFIG["data"])),
    conda:
        environment("data")
    shell:
        "{STEP} assemble --config {params.config:q} --output {output.table:q} --report {output.report:q} "
        "3>&2 > {log:q} 2>&1"


rule buckets:
    input:
        table=rules.assemble.output.table,
    output:
        table=LAYOUT.buckets,
        report=report_of(LAYOUT.buckets),
    log:
        log_of("buckets"),
    params:
        config=EFFECTIVE,
        settings=settings("buckets"),
    conda:
        environment("data")
    shell:
        "{STEP} buckets --config {params.config:q} --table {input.table:q} "
        "--output {output.table:q} --report {output.report:q} 3>&2 > {log:q} 2>&1"


rule split:
    input:
        table=rules.assemble.output.table,
        buckets=rules.buckets.output.table,
    output:
        table=LAYOUT.split,
        report=report_of(LAYOUT.split),
    log:
        log_of("split"),
    params:
        config=EFFECTIVE,
        settings=settings("split"),
    conda:
        environment("data")
    shell:
        "{STEP} split --config {params.config:q} --table {input.table:q} --buckets {input.buckets:q} "
        "--output {output.table:q} --report {output.report:q} 3>&2 > {log:q} 2>&1"


rule sample:
    input:
        table=rules.assemble.output.table,
        buckets=rules.buckets.output.table,
        split=rules.split.output.table,
        downloaded=rules.download.output,
    output:
        table=LAYOUT.sample("{run}"),
        report=report_of(LAYOUT.sample("{run}")),
    log:
        log_of("sample.{run}"),
    params:
        config=EFFECTIVE,
        settings=lambda wildcards: [
            settings("runs", wildcards.run, key) for key in ("gc_sampling", "learn_from", "set_aside", "source_weights")
        ],
        files=lambda wildcards: content(*filter(None, [CONFIG["runs"][wildcards.run]["gc_sampling"]["genome"]])),
    conda:
        environment("data")
    shell:
        "{STEP} sample --config {params.config:q} --run {wildcards.run:q} --table {input.table:q} "
        "--buckets {input.buckets:q} --split {input.split:q} --output {output.table:q} --report {output.report:q} "
        "3>&2 > {log:q} 2>&1"


rule synthesise:
    input:
        table=rules.assemble.output.table,
        split=rules.split.output.table,
        downloaded=rules.download.output,
    output:
        table=LAYOUT.synthetic("{recipe}"),
        report=report_of(LAYOUT.synthetic("{recipe}")),
    log:
        log_of("synthesise.{recipe}"),
    params:
        config=EFFECTIVE,
        settings=lambda wildcards: settings("synthetic", wildcards.recipe),
        files=lambda wildcards: content(*CONFIG["data"]["held_out"], *genomes_of(wildcards.recipe)),
    conda:
        environment("data")
    shell:
        "{STEP} synthesise --config {params.config:q} --recipe {wildcards.recipe:q} --table {input.table:q} "
        "--split {input.split:q} --output {output.table:q} --report {output.report:q} 3>&2 > {log:q} 2>&1"
