# SPDX-License-Identifier: Apache-2.0
"""The unit test of `wmh_mri_boundary` in the form of MONAI's model zoo, where it lies in ``ci/unit_tests``.

From the zoo's root, with the bundle in ``models``, it trains one epoch, scores and segments a small phantom, and checks
the properties.

    python ci/unit_tests/test_wmh_mri_boundary.py
"""

import shutil
import tempfile
import unittest
from pathlib import Path

from monai.bundle import ConfigWorkflow
from parameterized import parameterized

from monai_boundary.data import write_lesion_phantom

NETWORK = {
    "network_def::channels": [8, 16],
    "network_def::strides": [2],
}
TEST_CASE_1 = [  # train, evaluate, infer: what each is given beside the data, the output and the network
    {
        "epochs": 1,
        "iterations": 1,
        "batch_size": 2,
        "crops": 2,
        "num_folds": 3,
        "patch_size": [32, 32],
    },
    {"pictures": 0, "report": False},
    {},
]


class TestWmhMriBoundary(unittest.TestCase):
    """The three configurations, one after the other."""

    def setUp(self):
        """Write the phantom."""
        self.folder = tempfile.mkdtemp()
        write_lesion_phantom(Path(self.folder, "data"), patients=3, shape=(32, 32, 8), imbalance=200)

    def tearDown(self):
        """Remove the phantom and what was made of it."""
        shutil.rmtree(self.folder)

    @parameterized.expand([TEST_CASE_1])
    def test_train_eval_infer_config(self, train, evaluate, inference):
        """Each finds the network of the training, has the properties that the zoo asks for, and runs."""
        for name, kind, override in (
            ("train", "train", train),
            ("evaluate", "eval", evaluate),
            ("inference", "infer", inference),
        ):
            root = Path("models", "wmh_mri_boundary")
            workflow = ConfigWorkflow(
                workflow_type=kind,
                config_file=str(root / "configs" / f"{name}.yaml"),
                logging_file=str(root / "configs" / "logging.conf"),
                meta_file=str(root / "configs" / "metadata.json"),
                bundle_root=str(root),
                dataset_dir=str(Path(self.folder, "data")),
                output_dir=str(Path(self.folder, "output")),
                **NETWORK,
                **override,
            )
            workflow.initialize()
            if failed := workflow.check_properties():
                raise ValueError(f"check properties for {name} config failed: {failed}")
            workflow.run()
            workflow.finalize()
        assert list(Path(self.folder, "output", "segmentation").iterdir()), "a segmentation"


if __name__ == "__main__":
    unittest.main()
