"""The datasets of the published systems that are not the core's own."""

from pipeline.addons.published import cifar10, notmnist
from pipeline.data.datasets import Dataset, mnist_files
from pipeline.data.decoders import idx
from pipeline.data.download import PublishedFile

DATASETS = {
    "mnist": Dataset(
        class_names=tuple("0123456789"),
        image_shape=(28, 28, 1),
        decode=idx.decode,
        files=mnist_files(
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        publishers=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
    "cifar10": Dataset(
        class_names=cifar10.CLASS_NAMES,
        image_shape=(32, 32, 3),
        decode=cifar10.decode,
        files=(
            PublishedFile("cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
        ),
        publishers=("https://www.cs.toronto.edu/~kriz/",),
    ),
    "notmnist": Dataset(
        class_names=tuple("ABCDEFGHIJ"),
        image_shape=(28, 28, 1),
        decode=notmnist.decode,
        files=(PublishedFile("notMNIST_small.mat", sha256=None),),
        publishers=("http://yaroslavvb.com/upload/notMNIST/",),
    ),
}
