"""The command ``yeastpromoter``: a group, whose commands are in the modules beside this one."""

import importlib

import click

from yeastpromoter.cli.errors import MessageGroup

#: Where each command is: imported only when it is called, or its help is.
COMMANDS: dict[str, str] = {
    "predict": "yeastpromoter.cli.predict:predict",
    "compare": "yeastpromoter.cli.compare:compare",
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


class LazyGroup(MessageGroup):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command, None if there is none of that name."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        return getattr(importlib.import_module(module), attribute)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Expression of yeast promoters, and what changes in them do to it, as the network of this entry predicts it."""
