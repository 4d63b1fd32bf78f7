"""The predictions that ``kipoi test`` compares with, made without Kipoi."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from yeastpromoter.io.interval_files import open_sequences
from yeastpromoter.io.whole_files import whole_hdf5
from yeastpromoter.kipoi_layer.outputs import effect_interval, expression_outputs
from yeastpromoter.kipoi_layer.whole_batches import variant_inputs
from yeastpromoter.model.entry import TrainedNetwork, load_trained_network
from yeastpromoter.variants.effects import variant_effects
from yeastpromoter.variants.rows import VariantRows


def expected_predictions(entry: str | Path) -> list[Path]:
    """Predict the examples of an entry's two models, as ``kipoi test`` does.

    Parameters
    ----------
    entry : str or Path
        Folder of the entry.

    Returns
    -------
    list of Path
        The files, as ``test: expect:`` in each model.yaml names them: HDF5 with ``inputs`` and ``preds``.

    Raises
    ------
    ValueError
        If a model.yaml names no such file.
    """
    trained = load_trained_network(entry)
    models = {".": _expression, "variant_effects": _effects}
    return [_write(Path(entry, folder), predict, trained) for folder, predict in models.items()]


def _write(model: Path, predict: Callable, trained: TrainedNetwork) -> Path:
    described, loader = (
        yaml.safe_load((model / name).read_text(encoding="utf-8")) for name in ("model.yaml", "dataloader.yaml")
    )
    expect = described.get("test", {}).get("expect")
    if not expect:
        raise ValueError(f"{model / 'model.yaml'} does not say under test: expect: where the predictions go")
    examples = {name: argument["example"] for name, argument in loader["args"].items() if "example" in argument}
    files = {name: model / value if isinstance(value, str) else value for name, value in examples.items()}
    inputs, preds = predict(trained, files, described["args"].get("interval"))
    with whole_hdf5(model / expect) as file:
        _put(file, "inputs", inputs)
        _put(file, "preds", preds)
    return model / expect


def _put(file: h5py.File, name: str, values: np.ndarray | Mapping[str, np.ndarray]) -> None:
    if isinstance(values, Mapping):
        for inner, array in values.items():
            _put(file, f"{name}/{inner}", array)
    else:
        file.create_dataset(name, data=values, compression="gzip")


def _expression(
    trained: TrainedNetwork, files: Mapping[str, Any], interval: int | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    sequences = open_sequences(files["sequence_file"], reporter=trained.reporter)
    batch = sequences.read(np.arange(len(sequences)))
    return batch.encoded(), expression_outputs(trained, batch.constructs, interval)


def _effects(
    trained: TrainedNetwork, files: Mapping[str, Any], interval: int | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    variants = VariantRows(**files, reporter=trained.reporter)
    batch = variants.read(np.arange(len(variants)))
    preds = variant_effects(trained, batch.ref, batch.alt, effect_interval(trained, interval))
    return variant_inputs(batch), preds
