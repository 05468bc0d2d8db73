"""How networks learn from single sections: the form of a recipe's group ``context``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flows.config import Form
from flows.training_config import SectionFolder, TrainingConfig
from seisproc.class_sets import named_classes, read_class_set
from seisproc.errors import ConfigError
from seisproc.schema import ClassSet
from tasks.folds import SectionTraining


class ContextForm(Form):
    """Training on sections as a whole, with what is known around them."""

    classes: list[str] | str = Field(
        default="",
        description="Names of the facies in code order, or the file of a class set. Empty:"
        " classes.yaml in the folders, or Parihaka's six.",
    )
    depth: bool = Field(default=True, description="Whether the network is told how deep it is.")
    neighbours: bool = Field(
        default=True,
        description="Facies: whether it is told what the interpreted sections around say.",
    )
    shape: tuple[Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]] = Field(
        default=(256, 256), description="Traces and samples of a window."
    )
    folds: int = Field(
        default=5, ge=2,
        description="Networks; each is judged on its own share of the sections, which it does not"
        " learn from, and all together are the model.",
    )
    samples: int = Field(
        default=20, ge=1, description="Monte-Carlo samples that they are judged and calibrated by."
    )

    def training(
        self, target: str, folders: list[SectionFolder], config: TrainingConfig
    ) -> SectionTraining:
        """Turn into what the stage takes.

        Raises
        ------
        ConfigError
            If there is no folder, or a setting does not go with sections.
        """
        if config.place == "worker" or config.gpus > 1:
            raise ConfigError(
                "folds are tasks of the cluster's workers, one process each",
                found="--on worker" if config.place == "worker" else f"--gpus {config.gpus}",
                do="Leave that out, and name the cluster with --cluster",
            )
        if not folders:
            raise ConfigError("training on sections needs a folder of them",
                              do="Name one with --sections, or in the recipe (sections)")
        distortion = config.distortion()
        if distortion.texture is not None:
            raise ConfigError("a learned texture does not go with training on sections",
                              do="Leave --texture out, or take `context` out of the recipe")
        facies = target == "facies"
        if not facies and not config.network:
            config = config.model_copy(update={"network": "unet"})
        return SectionTraining(
            folders=tuple(folder.folder for folder in folders),
            target=target,
            classes=self._class_set(folders) if facies else (),
            depth=self.depth,
            neighbours=self.neighbours and facies,
            shape=self.shape,
            folds=self.folds,
            config=config.config(target),
            distortion=distortion.augment,
            samples=self.samples,
        )

    def _class_set(self, folders: list[SectionFolder]) -> ClassSet:
        """Take the class set that is told here, or the one that all folders have."""
        if isinstance(self.classes, list):
            return named_classes(self.classes)
        if self.classes:
            return read_class_set(self.classes)
        found = [folder.source().classes for folder in folders]
        if any(other != found[0] for other in found):
            raise ConfigError("the folders of sections have different class sets",
                              found=", ".join(folder.folder for folder in folders),
                              expected="one for all",
                              do="Name it in the recipe (context: classes)")
        return found[0]
