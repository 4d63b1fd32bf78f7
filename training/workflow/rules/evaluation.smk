# The parts are not a setting: the test part is scored by hand, once, for the chosen run. Figures of the validation part
# say so where the run learned from it.
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
        folder=str(LAYOUT.evaluation("{run}")),
    conda:
        environment("training")
    threads: workflow.cores
    shell:
        "{STEP} evaluate --config {params.config:q} --run {wildcards.run:q} --parts train,validation "
        "--output {params.folder:q} 3>&2 > {log:q} 2>&1"


def figure(name):
    return report(
        LAYOUT.figures("{run}") / f"{name}.png",
        caption=f"../report/{name}.rst",
        category="Figures",
        subcategory="{run}",
        labels={"figure": name.replace("_", " ")},
    )


def narrow_figures():
    """The figures once more, for the pages of the runs on narrow screens."""
    return [
        LAYOUT.figures("{run}") / f"{name}.narrow.png"
        for name in ("learning_curves", "scatter", "residuals", "buckets", "gc")
    ]


def recorded(wildcards):
    """What the record of a run is made of."""
    found = [evaluation_of(wildcards.run), LAYOUT.run(wildcards.run) / "summary.json", LAYOUT.files]
    found += [report_of(LAYOUT.sample(wildcards.run))]
    found += [LAYOUT.calibration(wildcards.run)] if CONFIG["prediction_intervals"] else []
    return found + ([LAYOUT.base_changes(wildcards.run)] if CONFIG["base_changes"] else [])


def synthetic_reports(wildcards):
    """What was made and scored for a run that has teachers."""
    recipe = CONFIG["runs"][wildcards.run]["synthetic"]
    return [report_of(LAYOUT.synthetic(recipe)), report_of(LAYOUT.scores(wildcards.run))] if recipe else []


rule figures:
    input:
        evaluation=rules.evaluate.output.evaluation,
        predictions=rules.evaluate.output.predictions,
        history=rules.train.output.history,
        sample=rules.sample.output.report,
    output:
        figure("learning_curves"),
        figure("scatter"),
        figure("residuals"),
        figure("buckets"),
        figure("gc"),
        narrow_figures(),
        table=LAYOUT.figures("{run}") / "table_2.tsv",
        markdown=LAYOUT.figures("{run}") / "table_2.md",
    log:
        log_of("figures.{run}"),
    params:
        config=EFFECTIVE,
        folder=str(LAYOUT.figures("{run}")),
    conda:
        environment("training")
    shell:
        "{STEP} figures --config {params.config:q} --run {wildcards.run:q} --part validation "
        "--output {params.folder:q} 3>&2 > {log:q} 2>&1"


# It runs beside a training, whose GPU it must not take memory of: nothing is computed.
rule network:
    output:
        [LAYOUT.network("{run}") / f"network.{ending}" for ending in ("md", "tsv", "svg", "pdf", "narrow.png")],
        layers=LAYOUT.network("{run}") / "network.json",
        figure=report(
            LAYOUT.network("{run}") / "network.png",
            caption="../report/network.rst",
            category="Figures",
            subcategory="{run}",
            labels={"figure": "network"},
        ),
    log:
        log_of("network.{run}"),
    params:
        config=EFFECTIVE,
        settings=lambda wildcards: json.dumps(network_settings(CONFIG, wildcards.run)),
        folder=str(LAYOUT.network("{run}")),
    conda:
        environment("training")
    shell:
        "CUDA_VISIBLE_DEVICES= JAX_PLATFORMS=cpu "
        "{STEP} network --config {params.config:q} --run {wildcards.run:q} --output {params.folder:q} 3>&2 > {log:q} 2>&1"


rule calibrate:
    input:
        weights=rules.train.output.weights,
        tables=[LAYOUT.constructs, LAYOUT.split],
    output:
        LAYOUT.calibration("{run}"),
    log:
        log_of("calibrate.{run}"),
    params:
        config=EFFECTIVE,
        settings=settings("prediction_intervals"),
    conda:
        environment("training")
    threads: workflow.cores
    shell:
        "{STEP} calibrate --config {params.config:q} --run {wildcards.run:q} --output {output:q} 3>&2 > {log:q} 2>&1"


rule base_changes:
    input:
        weights=rules.train.output.weights,
    output:
        LAYOUT.base_changes("{run}"),
    log:
        log_of("base_changes.{run}"),
    params:
        config=EFFECTIVE,
        settings=settings("base_changes"),
    conda:
        environment("training")
    threads: workflow.cores
    shell:
        "{STEP} base-changes --config {params.config:q} --run {wildcards.run:q} --output {output:q} 3>&2 > {log:q} 2>&1"


rule record:
    input:
        recorded,
    output:
        LAYOUT.record("{run}"),
    log:
        log_of("record.{run}"),
    params:
        config=EFFECTIVE,
        files=lambda wildcards: content(*files_of(CONFIG)),
    conda:
        environment("training")
    shell:
        "{STEP} record --config {params.config:q} --run {wildcards.run:q} --output {output:q} 3>&2 > {log:q} 2>&1"


# Where the runs are a study of GC correction, the page of each shows the study, and so waits for all of them.
rule page:
    input:
        rules.figures.output,
        rules.network.output,
        recorded,
        synthetic_reports,
        [report_of(LAYOUT.constructs), report_of(LAYOUT.buckets), report_of(LAYOUT.split)],
        [LAYOUT.record(run) for run in CONFIG["runs"]] if studies_gc_correction(CONFIG) else [],
    output:
        report(
            LAYOUT.page("{run}"),
            caption="../report/page.rst",
            category="A run on a page",
            labels={"run": "{run}"},
        ),
    log:
        log_of("page.{run}"),
    params:
        config=EFFECTIVE,
        records=str(LAYOUT.records),
        study=CONFIG["gc_study"],
        files=lambda wildcards: content(*files_of(CONFIG)),
    conda:
        environment("training")
    shell:
        "{STEP} report --config {params.config:q} --run {wildcards.run:q} --output {output:q} "
        "--records {params.records:q} 3>&2 > {log:q} 2>&1"


rule gc_study:
    input:
        [LAYOUT.record(run) for run in CONFIG["runs"]],
    output:
        table=LAYOUT.records / "gc_study.md",
        figure=report(
            LAYOUT.records / "gc_study.png",
            caption="../report/gc_study.rst",
            category="Figures",
            subcategory="GC study",
            labels={"figure": "gc study"},
        ),
    log:
        log_of("gc_study"),
    params:
        config=EFFECTIVE,
        folder=str(LAYOUT.records),
    conda:
        environment("training")
    shell:
        "{STEP} gc-study --config {params.config:q} --records {params.folder:q} --output {params.folder:q} "
        "3>&2 > {log:q} 2>&1"


if CONFIG["export"]:

    rule export:
        input:
            weights=LAYOUT.weights(CONFIG["export"]["run"]),
            evaluation=evaluation_of(CONFIG["export"]["run"]),
            base_changes=[LAYOUT.base_changes(CONFIG["export"]["run"])] if CONFIG["base_changes"] else [],
            calibration=[LAYOUT.calibration(CONFIG["export"]["run"])] if CONFIG["prediction_intervals"] else [],
        output:
            touch(LAYOUT.root / "exported"),
        log:
            log_of("export"),
        params:
            config=EFFECTIVE,
            run=CONFIG["export"]["run"],
            entry=CONFIG["export"]["entry"],
        conda:
            environment("training")
        shell:
            "{STEP} export --config {params.config:q} --run {params.run:q} --entry {params.entry:q} 3>&2 > {log:q} 2>&1"
