"""The command ``yeastpromoter``: a group, whose commands are in the modules beside this one."""

import click

from yeastpromoter.cli.errors import LazyGroup

#: Where each command is: imported only when it is called, or its help is.
COMMANDS: dict[str, str] = {
    "predict": "yeastpromoter.cli.predict:predict",
    "compare": "yeastpromoter.cli.compare:compare",
    "design": "yeastpromoter.cli.design:design",
    "explain": "yeastpromoter.cli.explain:explain",
    "saturate": "yeastpromoter.cli.saturate:saturate",
    "contributions": "yeastpromoter.cli.contributions:contributions",
    "compare-contributions": "yeastpromoter.cli.compare_contributions:compare_contributions",
    "plant": "yeastpromoter.cli.plant:plant",
    "variants": "yeastpromoter.cli.variants:variants",
    "rank-variants": "yeastpromoter.cli.rank_variants:rank_variants",
    "variant-figures": "yeastpromoter.cli.variant_figures:variant_figures",
    "shards": "yeastpromoter.cli.shards:shards",
    "tracks": "yeastpromoter.cli.tracks:tracks",
    "tracks-figure": "yeastpromoter.cli.tracks_figure:tracks_figure",
}


@click.group(
    cls=LazyGroup, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
def main() -> None:
    """Expression of yeast promoters, and what changes in them do to it, as the network of this entry predicts it."""
