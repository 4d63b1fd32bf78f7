rule download:
    output:
        LAYOUT.files,
    log:
        log_of("download"),
    params:
        config=EFFECTIVE,
        settings=json.dumps([CONFIG["data"]["folder"], files_of(CONFIG)]),
    conda:
        "../envs/data.yaml"
    resources:
        downloads=1,
    shell:
        "{STEP} download --config {params.config} --report {output} > {log} 2>&1"


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
    conda:
        "../envs/data.yaml"
    shell:
        "{STEP} assemble --config {params.config} --output {output.table} --report {output.report} > {log} 2>&1"


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
        "../envs/data.yaml"
    shell:
        "{STEP} buckets --config {params.config} --table {input.table} "
        "--output {output.table} --report {output.report} > {log} 2>&1"


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
        "../envs/data.yaml"
    shell:
        "{STEP} split --config {params.config} --table {input.table} --buckets {input.buckets} "
        "--output {output.table} --report {output.report} > {log} 2>&1"


rule sample:
    input:
        table=rules.assemble.output.table,
        buckets=rules.buckets.output.table,
        split=rules.split.output.table,
    output:
        table=LAYOUT.sample("{run}"),
        report=report_of(LAYOUT.sample("{run}")),
    log:
        log_of("sample.{run}"),
    params:
        config=EFFECTIVE,
        settings=lambda wildcards: [
            settings("runs", wildcards.run, key) for key in ("gc_sampling", "learn_from")
        ],
    conda:
        "../envs/data.yaml"
    shell:
        "{STEP} sample --config {params.config} --run {wildcards.run} --table {input.table} "
        "--buckets {input.buckets} --split {input.split} --output {output.table} --report {output.report} "
        "> {log} 2>&1"


rule synthesise:
    input:
        table=rules.assemble.output.table,
        split=rules.split.output.table,
    output:
        table=LAYOUT.synthetic("{recipe}"),
        report=report_of(LAYOUT.synthetic("{recipe}")),
    log:
        log_of("synthesise.{recipe}"),
    params:
        config=EFFECTIVE,
        settings=lambda wildcards: settings("synthetic", wildcards.recipe),
    conda:
        "../envs/data.yaml"
    shell:
        "{STEP} synthesise --config {params.config} --recipe {wildcards.recipe} --table {input.table} "
        "--split {input.split} --output {output.table} --report {output.report} > {log} 2>&1"
