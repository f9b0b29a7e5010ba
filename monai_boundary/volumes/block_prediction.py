# SPDX-License-Identifier: Apache-2.0
"""The output of a network on one block: of every window that touches it, put together as if there were no blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from monai_boundary._typing import AnyArray, BoolArray, DoubleArray
from monai_boundary.volumes.block_grid import Block
from monai_boundary.volumes.block_records import BlockRecords
from monai_boundary.volumes.grey_statistics import GreyScale
from monai_boundary.volumes.network_file import NetworkFile
from monai_boundary.volumes.volume_source import VolumeSource
from monai_boundary.volumes.window_grid import WindowGrid, hull, inside
from monai_boundary.volumes.zarr_output import ZarrOutput

ACTIVATIONS = ("sigmoid", "softmax", "none")


@dataclass(frozen=True)
class Foreground:
    """Where a network has to look.

    Args:
        mask: volume of which all but 0 is foreground, or ``None``.
        above: grey values above it are foreground; ``None`` takes all.
    """

    mask: VolumeSource | None = None
    above: float | None = None

    def masked(self, box: tuple[slice, ...]) -> BoolArray | None:
        """Return which voxels of a box the mask leaves in; ``None`` is all.

        Args:
            box: slices of the volume.
        """
        return None if self.mask is None else self.mask.read(box) != 0

    def of(self, values: AnyArray, masked: BoolArray | None) -> BoolArray | None:
        """Return which voxels of a box are foreground; ``None`` is all.

        Args:
            values: grey values of the box.
            masked: of :meth:`masked`.
        """
        if self.above is None:
            return masked
        bright: BoolArray = values > self.above
        return bright if masked is None else bright & masked


@dataclass(frozen=True)
class BlockPrediction:
    """Predict a block, and write the probabilities of its core.

    Args:
        image: grey values.
        scale: how they are normalised.
        network: that predicts.
        windows: in which it sees the volume.
        foreground: windows without any are left out.
        activation: ``"sigmoid"``, ``"softmax"`` over the channels, or ``"none"``.
        channel: of the network's output that is written.
        outside: probability of voxels that no window covers, and of those outside the mask.
        output: where the probabilities go.
        records: of the blocks that are done, with the number of windows.
        dtype: of the output; unsigned integers are shares of the greatest one.
        device: ``"cpu"``, ``"cuda"`` (blocks go round all that there are), or ``None``: a GPU if there is one.
        batch: windows that go through the network at once.
        threads: that one block may compute with; ``None`` lets PyTorch decide.
    """

    image: VolumeSource
    scale: GreyScale
    network: NetworkFile
    windows: WindowGrid
    foreground: Foreground
    activation: str
    channel: int
    outside: float
    output: ZarrOutput
    records: BlockRecords
    dtype: str
    device: str | None
    batch: int
    threads: int | None

    def __call__(self, block: Block) -> None:
        """Read what the windows see, and write the core."""
        if self.threads is not None and torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        windows = self.windows.touching(block)
        box = hull(windows, self.windows.shape)
        masked = self.foreground.masked(box)
        outside = quantised(np.array([self.outside]), self.dtype)[0]
        if masked is not None and not masked.any():  # the image is not read
            self.output.write(block, np.broadcast_to(outside, block.shape))
            self.records.write(block.index, windows=np.array(0))
            return
        values = self.image.read(box)
        where = self.foreground.of(values, masked)
        kept = [w for w in windows if where is None or where[inside(w, box)[1]].any()]
        left_out = None if masked is None else ~masked[inside(block.core, box)[1]]
        del where, masked  # of all windows: larger than the block
        found = np.full(block.shape, outside)
        if kept:
            sums, weights = self._sums(block, kept, values, box)
            for k, weight in enumerate(weights):  # by sections, or a block would be in memory several times more
                seen = weight > 0
                if seen.all():
                    found[k] = quantised(self._probability(sums[:, k] / weight), self.dtype)
                else:
                    found[k, seen] = quantised(self._probability(sums[:, k, seen] / weight[seen]), self.dtype)
            del sums, weights
        if left_out is not None:
            found[left_out] = outside
        self.output.write(block, found)
        self.records.write(block.index, windows=np.array(len(kept)))

    def _sums(
        self, block: Block, windows: list[tuple[slice, ...]], values: AnyArray, box: tuple[slice, ...]
    ) -> tuple[AnyArray, AnyArray]:
        """Weighted sums of the outputs over the core, (channels, z, y, x), and of the weights."""
        device = chosen_device(self.device, block.index)
        network, weight = self.network.load(str(device)), self.windows.weights()
        greys, flat = self.scale.moments(), weight.numpy()
        sums: AnyArray = np.zeros(0)
        total = np.zeros(block.shape, dtype=np.float32)
        # added up on the CPU, window by window in raster order: the sums do not depend on how windows are batched
        for part in _batches(windows, self.batch):
            inputs = torch.from_numpy(np.stack([self._input(window, values, box, greys) for window in part]))
            outputs = _output(network, inputs, self.windows.window, device)
            if not sums.size:
                sums = np.zeros((outputs.shape[1], *block.shape), dtype=np.float32)
            for window, output in zip(part, (outputs * weight).numpy(), strict=True):
                of_window, of_core = inside(window, block.core)
                for channel, values_of in enumerate(output):
                    sums[channel][of_core] += values_of[of_window]
                total[of_core] += flat[of_window]
        return sums, total

    def _input(
        self, window: tuple[slice, ...], values: AnyArray, box: tuple[slice, ...], greys: DoubleArray
    ) -> AnyArray:
        """The grey values of a window, (1, z, y, x), normalised; 0 where it is outside the volume."""
        of_window, of_box = inside(window, box)
        seen = np.zeros((1, *self.windows.window), dtype=np.float32)
        first = box[0].start + of_box[0].start
        seen[0][of_window] = self.scale.of(values[of_box], slice(first, box[0].start + of_box[0].stop), greys)
        return seen

    def _probability(self, outputs: AnyArray) -> AnyArray:
        """The chosen channel of (channels, voxels) as a probability."""
        if self.activation == "softmax":
            shares: AnyArray = torch.softmax(torch.from_numpy(outputs), 0)[self.channel].numpy()
            return shares
        one = torch.from_numpy(outputs[self.channel])
        probability: AnyArray = (torch.sigmoid(one) if self.activation == "sigmoid" else one).numpy()
        return probability


def check_network(file: NetworkFile, window: tuple[int, ...], channel: int, device: str | None) -> None:
    """Let the network see one empty window, so that what does not fit is said once and not of every block.

    Args:
        file: of the network.
        window: voxels, (z, y, x).
        channel: of the output that is wanted.
        device: where it computes; ``None`` is a GPU if there is one.

    Raises:
        ValueError: if the window does not fit the network, or it has no such channel.
    """
    place = chosen_device(device, 0)
    try:
        output = _output(file.load(str(place)), torch.zeros(1, 1, *window), window, place)
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        raise ValueError(f"`window` needs a size that the network takes, got {window}: {lines[-1]}") from error
    if channel >= output.shape[1]:
        raise ValueError(f"`channel` needs one of the network's {output.shape[1]}, counted from 0, got {channel}.")


def quantised(probability: AnyArray, dtype: str) -> AnyArray:
    """Return probabilities in the type of a store: of unsigned integers the nearest share of the greatest one.

    Args:
        probability: floats in [0, 1].
        dtype: ``"uint8"``, ``"float16"`` or ``"float32"``.

    Example:
        >>> quantised(np.array([0.0, 0.5, 1.0]), "uint8").tolist()
        [0, 128, 255]
    """
    if np.dtype(dtype).kind != "u":
        return probability.astype(dtype)
    greatest = np.iinfo(dtype).max
    shares = np.empty(probability.shape, dtype=dtype)
    for part, found in zip(np.atleast_2d(probability), np.atleast_2d(shares), strict=True):
        # in float64 a section at a time: of a block it would be the largest array of all
        found[...] = np.rint(np.clip(part, 0, 1) * np.float64(greatest))
    return shares


def chosen_device(device: str | None, index: int) -> torch.device:
    """Return where a block is computed: without a choice on a GPU if there is one, one after the other.

    Args:
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``None``.
        index: of the block.

    Raises:
        ValueError: if there is no such device.

    Example:
        >>> chosen_device("cpu", 5)
        device(type='cpu')
    """
    number = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device is None or device == "cuda":
        if device == "cuda" and not number:
            raise ValueError("`device` needs a GPU for 'cuda', and PyTorch finds none.")
        return torch.device("cuda", index % number) if number else torch.device("cpu")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"`device` needs cpu, cuda or cuda:N, got {device!r}.") from error


def _output(network: nn.Module, inputs: torch.Tensor, window: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """The network's output on windows (B, 1, z, y, x), float32 on the CPU; a flat window goes through as a plane."""
    flat = window[0] == 1
    given = (inputs[:, :, 0] if flat else inputs).to(device)
    with torch.inference_mode(), torch.autocast(device.type, enabled=device.type == "cuda"):
        output = network(given)
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"`network` needs one tensor as its output in eval mode, got {type(output).__name__}.")
    output = (output.unsqueeze(2) if flat else output).float().cpu()
    if output.shape[0] != len(inputs) or tuple(output.shape[2:]) != window:
        raise ValueError(
            f"`network` needs outputs of the size of its inputs, got {tuple(output.shape)} of {tuple(inputs.shape)}."
        )
    return output


def _batches(windows: list[tuple[slice, ...]], size: int) -> Iterator[list[tuple[slice, ...]]]:
    for start in range(0, len(windows), size):
        yield windows[start : start + size]
