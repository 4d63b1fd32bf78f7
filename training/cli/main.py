"""The command ``python -m training``: a group, whose commands are in the modules beside this one."""

import click

from yeastpromoter.cli.errors import LazyGroup

#: Where each command is: imported only when it is called, or its help is.
COMMANDS: dict[str, str] = {
    "start": "training.cli.start:start",
    "download": "training.cli.download:download",
    "assemble": "training.cli.assemble:assemble",
    "buckets": "training.cli.buckets:buckets",
    "split": "training.cli.split:split",
    "sample": "training.cli.sample:sample",
    "synthesise": "training.cli.synthesise:synthesise",
    "distil": "training.cli.distil:distil",
    "train": "training.cli.train:train",
    "network": "training.cli.network:network",
    "evaluate": "training.cli.evaluate:evaluate",
    "base-changes": "training.cli.base_changes:base_changes",
    "calibrate": "training.cli.calibrate:calibrate",
    "figures": "training.cli.figures:figures",
    "record": "training.cli.record:record",
    "export": "training.cli.export:export",
    "report": "training.cli.report:report",
    "predict": "training.cli.predict:predict",
    "score-challenge": "training.cli.score_challenge:score_challenge",
    "simulate": "training.cli.simulate:simulate",
    "simulate-library": "training.cli.simulate_library:simulate_library",
    "simulate-sorting": "training.cli.simulate_sorting:simulate_sorting",
    "compare-labels": "training.cli.compare_labels:compare_labels",
    "compare-sources": "training.cli.compare_sources:compare_sources",
    "ablation-table": "training.cli.ablation_table:ablation_table",
    "gc-study": "training.cli.gc_study:gc_study",
    "fine-tuning-study": "training.cli.fine_tuning_study:fine_tuning_study",
}


@click.group(cls=LazyGroup, modules=COMMANDS, context_settings={"max_content_width": 120})
def main() -> None:
    """Train the yeast promoter network, step by step."""
