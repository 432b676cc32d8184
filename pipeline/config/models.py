"""What `train` and each of `models` may hold: networks, and how they are trained."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from pipeline.base.errors import short
from pipeline.config.section import Count, Fraction, NotNegative, Positive, Rate, Section, Text

Activation = Literal["relu", "linear", "gelu", "silu", "elu", "tanh"]


class Adam(Section):
    """Kingma & Ba 2015; defaults as in Keras."""

    learning_rate: Positive
    name: Literal["adam"]
    beta_1: Rate = 0.9
    beta_2: Rate = 0.999
    epsilon: Positive = 1e-7


class AdamW(Section):
    """Loshchilov & Hutter 2019: Adam with decoupled weight decay; defaults as in Keras."""

    learning_rate: Positive
    name: Literal["adamw"]
    beta_1: Rate = 0.9
    beta_2: Rate = 0.999
    epsilon: Positive = 1e-7
    weight_decay: NotNegative = 0.004


class Sgd(Section):
    """Stochastic gradient descent, with momentum, Nesterov's look-ahead and decoupled weight decay."""

    learning_rate: Positive
    name: Literal["sgd"]
    momentum: Rate = 0.0
    nesterov: bool = False
    weight_decay: NotNegative | None = None


class Muon(Section):
    """Jordan 2024: each kernel's momentum made orthogonal, as large as Adam's steps are (Liu 2025).

    What is no hidden kernel (biases, norms, the logits) is AdamW's, at the same learning rate and weight decay.
    """

    learning_rate: Positive
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
    precision: Literal["float32", "mixed_bfloat16"] = "float32"  # what is computed in; weights are float32
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
        return self


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


EACH_HAS = [key for key in Convolution.model_fields if key != "filters"]


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
        count, each = len(raw["filters"]), {}
        for key in EACH_HAS:
            values = raw.get(key, cls.model_fields[key].default[0])
            if not isinstance(values, list) and key == "dropout":
                values = [0.0] * (count - 1) + [values]  # a single one is the block's, at its end
            elif not isinstance(values, list):
                values = [values] * count
            if len(values) != count:
                raise ValueError(f"{key} has {len(values)} values for {count} filters: give one value, or {count}")
            each[key] = values
        return raw | each

    @model_validator(mode="after")
    def _residual_keeps_the_size(self) -> "Block":
        if self.residual and ("valid" in self.padding or max(self.strides) > 1):
            raise ValueError("residual needs padding: same and strides: 1, for only maps of one size can be added")
        return self

    def convolutions(self) -> list[Convolution]:
        """List the block's convolutions in order."""
        keys, count = ("filters", *EACH_HAS), len(self.filters)
        return [Convolution(**{key: getattr(self, key)[index] for key in keys}) for index in range(count)]


class Backbone(Section):
    """A pretrained network of an add-on, frozen but for its blocks from `train_from` on, as `block6`."""

    name: Text
    train_from: Annotated[str, Field(pattern=r"^block[1-9]$")] | None = None


class Dense(Section):
    """A fully connected layer, then batch norm and dropout where asked."""

    units: Count
    activation: Activation = "relu"
    batch_norm: bool = False
    dropout: Rate = 0.0


class Model(Section):
    """A network, first convolution to last hidden layer, and how it is trained (the defaults already filled in).

    `global_pool` leaves one value for each of the last block's channels, where otherwise every value of the map counts.
    A `backbone` stands in place of both.
    """

    backbone: Backbone | None = None
    blocks: list[Block] = []
    global_pool: Literal["none", "max", "average"] = "none"
    dense: list[Dense] = []
    train: Train

    @model_validator(mode="after")
    def _a_backbone_has_its_own_blocks(self) -> "Model":
        if self.backbone and (self.blocks or self.global_pool != "none"):
            raise ValueError("backbone stands in place of blocks and global_pool: leave these out, or backbone")
        return self

    @property
    def summary(self) -> str:
        """The network in one line, as in `32 64 | 128 256 | dense 512 256`."""
        parts = [self.backbone.name] if self.backbone else []
        parts += [" ".join(map(str, block.filters)) for block in self.blocks]
        if self.global_pool != "none":
            parts.append(f"global {self.global_pool}")
        if self.dense:
            parts.append("dense " + " ".join(str(dense.units) for dense in self.dense))
        return " | ".join(parts) or "no hidden layer"
