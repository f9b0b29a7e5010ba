# SPDX-License-Identifier: Apache-2.0
"""A LightningModule with a boundary loss: maps come with the batch, each term and weight is logged."""

from __future__ import annotations

import lightning
import torch
from monai.losses import GeneralizedDiceLoss
from torch import Tensor, nn

from monai_boundary.losses import CompoundLoss, RebalanceSchedule, SignedDistanceLoss


class BoundarySegmenter(lightning.LightningModule):
    """A network that is trained on batches of ``image``, ``label`` and ``sdm_label``."""

    def __init__(self, network: nn.Module, learning_rate: float = 1e-3) -> None:
        super().__init__()
        self.network, self.learning_rate = network, learning_rate
        self.loss = CompoundLoss(
            {
                "region": GeneralizedDiceLoss(softmax=True, to_onehot_y=True),
                "boundary": SignedDistanceLoss(softmax=True, to_onehot_y=True),
            },
            schedule=RebalanceSchedule(),
        )

    def on_train_epoch_start(self) -> None:
        """Set the weights by the epoch, which a checkpoint knows."""
        self.loss.set_step(self.current_epoch)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss; its terms and weights are logged apart."""
        scores = self.network(batch["image"])
        value = self.loss(scores, batch["label"], distance_map=batch["sdm_label"])
        self.log_dict({f"loss/{name}": term for name, term in self.loss.terms.items()}, on_epoch=True)
        self.log_dict({f"weight/{name}": weight for name, weight in self.loss.weights.items()}, on_epoch=True)
        return value

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        return torch.optim.Adam(self.network.parameters(), self.learning_rate)
