"""What params.yaml may hold: every section, its keys, their types and ranges."""

from pathlib import PurePath
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from pipeline.addons.export.settings import Export
from pipeline.base.errors import InputError, short, unknown_key
from pipeline.config.gate import Gate
from pipeline.config.section import Count, EachOnce, Fraction, NotNegative, Positive, Rate, Section, Text

EVERY_MODEL = "every_model"
OWN_KINDS = ("image_folder", "idx_folder", "npz")  # of `fetch.dataset`, beside the published ones

Activation = Literal["relu", "linear", "gelu", "silu", "elu", "tanh"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class ImageFolder(Section):
    """One's own pictures, a folder per class at `path`, resized to `height` × `width`, grey (1 channel) or not (3)."""

    name: Literal["image_folder"]
    path: Text
    height: Count
    width: Count
    channels: Literal[1, 3] = 3
    unreadable_fraction: Rate = 0.01  # of all files, how many may be broken


class OwnArrays(Section):
    """One's own images and labels: four IDX files in the folder `path`, or an `.npz` there.

    Classes are called by their labels unless named.
    """

    name: Literal["idx_folder", "npz"]
    path: Text
    class_names: Annotated[list[Text], Field(min_length=2)] | None = None


Own = Annotated[ImageFolder | OwnArrays, Field(discriminator="name")]


class Fetch(Section):
    """Which dataset, a published one's name or one's own with its settings, and where to look before publishers."""

    dataset: Annotated[
        Annotated[str, Tag("published")] | Annotated[Own, Tag("own")],
        Discriminator(lambda value: "published" if isinstance(value, str) else "own"),
    ]
    mirrors: list[str] = []

    @property
    def dataset_name(self) -> str:
        """What the dataset is called: as published, or as the folder or file that holds one's own."""
        if isinstance(self.dataset, str):
            return self.dataset
        return PurePath(self.dataset.path).name.removesuffix(".npz").strip(".") or self.dataset.name

    @field_validator("dataset", mode="before")
    @classmethod
    def _own_data_has_a_path(cls, value: Any) -> Any:
        if value in OWN_KINDS:
            raise ValueError(f"{value} needs a path, as in {{name: {value}, path: my/data}}")
        return value


class Prepare(Section):
    """How the data is split and scaled; `test_fraction` only for datasets published without a test split.

    Without a validation part (`validation_fraction` 0), all training images are trained on.
    """

    validation_fraction: Rate
    split: Literal["stratified", "random", "tail"]
    test_fraction: Fraction = 0.2
    scaling: Literal["unit", "min_max", "standard"]
    seed: Seed


class Optimizer(Section):
    """What every optimizer has; given `ema_momentum`, what is validated and saved is the weights' moving average."""

    learning_rate: Positive
    ema_momentum: Fraction | None = None  # how much of the average a batch leaves as it is


class Adam(Optimizer):
    """Kingma & Ba 2015; defaults as in Keras."""

    name: Literal["adam"]
    beta_1: Rate = 0.9
    beta_2: Rate = 0.999
    epsilon: Positive = 1e-7


class AdamW(Optimizer):
    """Loshchilov & Hutter 2019: Adam with decoupled weight decay; defaults as in Keras."""

    name: Literal["adamw"]
    beta_1: Rate = 0.9
    beta_2: Rate = 0.999
    epsilon: Positive = 1e-7
    weight_decay: NotNegative = 0.004


class Sgd(Optimizer):
    """Stochastic gradient descent, with momentum, Nesterov's look-ahead and decoupled weight decay."""

    name: Literal["sgd"]
    momentum: Rate = 0.0
    nesterov: bool = False
    weight_decay: NotNegative | None = None


class Muon(Optimizer):
    """Jordan 2024: each kernel's momentum made orthogonal, as large as Adam's steps are (Liu 2025).

    What is no hidden kernel (biases, norms, the logits) is AdamW's, at the same learning rate and weight decay.
    """

    name: Literal["muon"]
    momentum: Rate = 0.95
    weight_decay: NotNegative = 0.004


class Constant(Section):
    """The optimizer's learning rate throughout."""

    name: Literal["constant"] = "constant"


class Cosine(Section):
    """From the optimizer's learning rate down to `final_fraction` of it along half a cosine."""

    name: Literal["cosine"]
    final_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0


class OneCycle(Section):
    """Up to the optimizer's learning rate in a straight line, then down along half a cosine (Smith & Topin 2018)."""

    name: Literal["one_cycle"]
    warmup_fraction: Fraction = 0.3
    initial_fraction: Annotated[float, Field(ge=0, le=1)] = 0.04
    final_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0001


class EarlyStopping(Section):
    """Stop when `monitor` has not improved by `min_delta` for `patience` epochs."""

    monitor: Literal["validation_loss", "validation_accuracy"] = "validation_loss"
    patience: Count
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    restore_best_weights: bool = True


class Erasing(Section):
    """A rectangle of an image is erased, at a random place wholly inside it (Zhong 2020); sizes are pixels."""

    height: Count
    width: Count
    fill: Literal["black", "noise"] = "black"  # 0, or a random level for each value
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0


class Augmentation(Section):
    """Random changes of each training image, named and meant as in Keras's `ImageDataGenerator`; five are not.

    `contrast` and `brightness` are the factors of Keras's `RandomContrast` and `RandomBrightness`. `shift_pixels` moves
    by whole pixels, so that nothing is interpolated. `horizontal_flip: alternating` mirrors half of the images in one
    epoch and the other half in the next (Jordan 2024).
    """

    rotation_range: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees either way
    zoom_range: Rate = 0.0  # fraction either way, per axis
    shear_range: Annotated[float, Field(ge=0, lt=90)] = 0.0  # degrees either way
    width_shift_range: Rate = 0.0  # fraction of the width
    height_shift_range: Rate = 0.0  # fraction of the height
    contrast: Rate = 0.0  # fraction either way, of each value's difference from its channel's mean
    brightness: Rate = 0.0  # fraction of 255 either way, added to each value
    shift_pixels: Annotated[int, Field(ge=0)] = 0  # whole pixels either way, per axis
    horizontal_flip: bool | Literal["alternating"] = False
    erasing: Erasing | None = None


class Train(Section):
    """How a model is trained."""

    epochs: Count
    batch_size: Count
    precision: Literal["float32", "mixed_bfloat16"] = "float32"  # of the arithmetic; weights are float32
    optimizer: Annotated[Adam | AdamW | Sgd | Muon, Field(discriminator="name")]
    schedule: Annotated[Constant | Cosine | OneCycle, Field(discriminator="name")] = Constant()
    loss: Literal["sparse_categorical_crossentropy", "categorical_crossentropy"] = "sparse_categorical_crossentropy"
    label_smoothing: Rate = 0.0
    early_stopping: EarlyStopping | None = None
    augmentation: Augmentation | None = None
    temperature_scaling: bool = False  # fitted on the validation part, saved in the model
    workers: Count = 1  # that share each batch: processes, on one machine or several

    @model_validator(mode="after")
    def _keys_go_together(self) -> "Train":
        if self.label_smoothing and self.loss != "categorical_crossentropy":
            raise ValueError(f"label_smoothing {self.label_smoothing} needs loss: categorical_crossentropy")
        if self.workers > self.batch_size:
            raise ValueError(f"workers {self.workers} are more than the images of a batch, {self.batch_size}: lower it")
        if self.optimizer.ema_momentum and self.early_stopping and self.early_stopping.restore_best_weights:
            raise ValueError("early_stopping.restore_best_weights would undo optimizer.ema_momentum: set it to false")
        return self


class Evaluate(Section):
    """What scoring does beyond predicting each split, with so many test images: 0 for none.

    `robustness_images` are each spoilt in 35 ways, `embedding_images` placed on a map of what is alike to the network.
    """

    robustness_images: Annotated[int, Field(ge=0)]
    embedding_images: Annotated[int, Field(ge=0)]


class Normal(Section):
    """Weights drawn from a normal distribution about 0."""

    name: Literal["normal"]
    stddev: Positive


NamedInitializer = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal"]
Initializer = Annotated[
    Annotated[NamedInitializer, Tag("named")] | Annotated[Normal, Tag("normal")],
    Discriminator(lambda value: "named" if isinstance(value, str) else "normal"),
]


class Convolution(Section):
    """One convolution of a block; `dropout` follows it, or the pool if it is the block's last."""

    filters: Count
    kernel_size: Count
    strides: Count
    padding: Literal["same", "valid"]
    activation: Activation
    use_bias: bool
    kernel_initializer: Initializer
    dropout: Rate


class Block(Section):
    """Convolutions, one for each number of `filters`, and a pool at the end.

    Every other setting of a convolution is one value for all or a list with one for each; a single `dropout` is the
    block's, after the pool. `batch_norm` stands before each convolution's activation, or once after the pool. With
    `residual`, the block's input is added before its last activation (He 2016), through a 1 × 1 convolution where it
    has another number of channels.
    """

    filters: list[Count]
    kernel_size: list[Count] = [3]
    strides: list[Count] = [1]
    padding: list[Literal["same", "valid"]] = ["same"]
    activation: list[Activation] = ["relu"]
    use_bias: list[bool] = [True]
    kernel_initializer: list[Initializer] = ["glorot_uniform"]
    batch_norm: Literal["none", "after_convolution", "after_pool"] = "none"
    batch_norm_momentum: Rate | None = None  # as in Keras; left out, it follows the steps
    residual: bool = False
    pool: Literal["max", "none"] = "max"
    dropout: list[Rate] = [0.0]

    @model_validator(mode="before")
    @classmethod
    def _one_or_each(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or "filters" not in raw:
            return raw
        if not isinstance(raw["filters"], list) or not raw["filters"]:
            raise ValueError(f"filters is {short(raw['filters'])}: give a list, one number for each convolution")
        count = len(raw["filters"])
        each = {key: raw.get(key, cls.model_fields[key].default[0]) for key in _PER_CONVOLUTION}
        each = {key: value if isinstance(value, list) else [value] * count for key, value in each.items()}
        if not isinstance(raw.get("dropout"), list):
            each["dropout"] = [0.0] * (count - 1) + [raw.get("dropout", 0.0)]
        for key, values in each.items():
            if len(values) != count:
                raise ValueError(f"{key} has {len(values)} values for {count} filters: give one value, or {count}")
        return raw | each

    @model_validator(mode="after")
    def _residual_keeps_the_size(self) -> "Block":
        if self.residual and ("valid" in self.padding or max(self.strides) > 1):
            raise ValueError("residual needs padding: same and strides: 1, for only maps of one size can be added")
        return self

    def convolutions(self) -> list[Convolution]:
        """List the block's convolutions in order."""
        rows = zip(self.filters, *(getattr(self, key) for key in _PER_CONVOLUTION), strict=True)
        return [Convolution(**dict(zip(("filters", *_PER_CONVOLUTION), row, strict=True))) for row in rows]


_PER_CONVOLUTION = tuple(key for key in Convolution.model_fields if key != "filters")


class Dense(Section):
    """A fully connected layer, then batch norm and dropout where asked."""

    units: Count
    activation: Activation = "relu"
    batch_norm: bool = False
    dropout: Rate = 0.0


class Model(Section):
    """A network, first convolution to last hidden layer, and how it is trained (the defaults already filled in).

    `global_pool` leaves one value for each of the last block's channels, where otherwise every value of the map counts.
    """

    blocks: list[Block] = []
    global_pool: Literal["none", "max", "average"] = "none"
    dense: list[Dense] = []
    train: Train

    @property
    def summary(self) -> str:
        """The network in one line, as in `32 64 | 128 256 | dense 512 256`."""
        parts = [" ".join(map(str, block.filters)) for block in self.blocks]
        if self.global_pool != "none":
            parts.append(f"global {self.global_pool}")
        if self.dense:
            parts.append("dense " + " ".join(str(dense.units) for dense in self.dense))
        return " | ".join(parts) or "no hidden layer"


class Training(NamedTuple):
    """One model trained with one seed; its name is what DVC calls it, as `vgg-42` in `train@vgg-42`."""

    model: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its files and stages."""
        return f"{self.model}-{self.seed}"


class Params(Section):
    """The whole of params.yaml."""

    fetch: Fetch
    prepare: Prepare
    train: Train
    evaluate: Evaluate
    seeds: Annotated[list[Seed], Field(min_length=1), EachOnce]
    cross_validated: Annotated[list[str], EachOnce]
    export: Export
    models: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")], Model], Field(min_length=1)]
    gate: dict[str, Gate] = {}

    @property
    def trainings(self) -> list[Training]:
        """Every model with every seed, model by model."""
        return [Training(model, seed) for model in self.models for seed in self.seeds]

    def training(self, name: str) -> Training:
        """Return the training of that name, as `vgg-42`; raise `InputError` for an unknown one."""
        known = {training.name: training for training in self.trainings}
        if name not in known:
            raise InputError(f"params.yaml: models: {unknown_key(name, [*self.models, *known])}")
        return known[name]

    def trainings_of(self, name: str) -> list[Training]:
        """Return all trainings of a model, or the one of that name; raise `InputError` for an unknown one."""
        return [training for training in self.trainings if training.model == name] or [self.training(name)]

    @model_validator(mode="after")
    def _names_are_models(self) -> "Params":
        if EVERY_MODEL in self.models:
            raise ValueError(f"models: {EVERY_MODEL} is no name for a model: gate means all of them by it")
        lists = {"cross_validated": self.cross_validated, "export.models": self.export.models, "gate": self.gate}
        for key, names in lists.items():
            known = [EVERY_MODEL, *self.models] if key == "gate" else list(self.models)
            if unknown := [name for name in names if name not in known]:
                raise ValueError(f"{key}: {unknown_key(unknown[0], known)}")
        return self

    @model_validator(mode="after")
    def _together_are_several_seeds(self) -> "Params":
        for name, gate in self.gate.items():
            if gate.together and len(self.seeds) == 1:
                raise ValueError(f"gate.{name}: together needs several seeds, and seeds is {self.seeds}: add one")
        return self

    @model_validator(mode="after")
    def _who_needs_a_validation_part_has_one(self) -> "Params":
        needs = {
            "early_stopping": "stops early by validation",
            "temperature_scaling": "scales by validation's temperature",
        }
        for name, model in self.models.items():
            for key, what in needs.items():
                if getattr(model.train, key) and not self.prepare.validation_fraction:
                    raise ValueError(f"prepare.validation_fraction is 0, but models.{name} {what}")
        return self

    @model_validator(mode="after")
    def _exports_answer_as_keras(self) -> "Params":
        """Refuse what OpenVINO 2026.4 computes otherwise on a CPU: a residual sum of one channel, where two follow."""
        for name in self.export.models:
            for index, block in enumerate(self.models[name].blocks):
                if "openvino" in self.export.formats and block.residual and block.filters[-1] == 1:
                    where = f"models.{name}.blocks[{index}].filters"
                    raise ValueError(
                        f"{where}: openvino computes residual blocks of 1 filter wrongly: give more, or leave it out"
                    )
        return self

    def gate_of(self, model: str) -> Gate:
        """Return what a model is held to: its own limits in place of every model's."""
        return self.gate.get(EVERY_MODEL, Gate()).replaced_by(self.gate.get(model, Gate()))
