import os
import re
import types
import unicodedata
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from pipeline.base.errors import InputError
from pipeline.config.schema import Fetch
from pipeline.data import datasets, pictures
from pipeline.data.decoders import image_folder
from pipeline.data.decoders.reading import Found

SHAPE = (8, 6, 3)


def put(path: Path, level: int = 0, size: tuple[int, int] = (6, 8)) -> None:
    """Save a picture whose red is `level`, and whose other channels are of noise that the level decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(level).integers(0, 256, (*size[::-1], 3), np.uint8)
    pixels[..., 0] = level
    Image.fromarray(pixels).save(path)


def fill(folder: Path, classes: dict[str, int], start: int = 0) -> Path:
    """Save so many pictures of each class, no two of them alike."""
    levels = iter(range(start, 256))
    for name, count in classes.items():
        for index in range(count):
            put(folder / name / f"{index}.png", next(levels))
    return folder


def read(folder: Path, shape: tuple[int, int, int] = SHAPE, unreadable_fraction: float = 0.0) -> Found:
    return image_folder.read(folder, shape, unreadable_fraction)


def refused(folder: Path, expected: str, unreadable_fraction: float = 0.0) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        read(folder, SHAPE, unreadable_fraction)
    assert len(str(caught.value).splitlines()) == 1


def levels(found: Found, split: str = "train") -> list[int]:
    return [int(image[0, 0, 0]) for image in found.splits[split][0]]


def test_folder_for_each_class_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name, level in (
        ("b/2.png", 4),
        ("b/10.PNG", 3),
        ("B/x.png", 1),
        ("B/y.png", 2),
        ("é/a.png", 5),
        ("é/b.png", 6),
    ):
        put(tmp_path / name, level)
    found = read(tmp_path)
    assert found.class_names == ["B", "b", "é"]
    assert list(found.splits) == ["train"]
    images, labels = found.splits["train"]
    assert (images.shape, str(images.dtype), str(labels.dtype)) == ((6, *SHAPE), "uint8", "int64")
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert levels(found) == [1, 2, 3, 4, 5, 6]
    assert found.noticed == []


@pytest.mark.parametrize("shape", [(28, 28, 1), (20, 31, 3)])
def test_images_are_what_predict_will_see(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    fill(tmp_path, {"cat": 2, "dog": 1})
    put(tmp_path / "dog" / "a.jpeg", 200, size=(90, 50))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.linear_gradient("L").convert("LA").save(tmp_path / "dog" / "b.png", exif=exif)
    Image.fromarray(np.arange(784, dtype=np.uint16).reshape(28, 28) * 83).save(tmp_path / "dog" / "c.png")
    images, labels = read(tmp_path, shape).splits["train"]
    assert labels.tolist() == [0, 0, 1, 1, 1, 1]
    for image, name in zip(images, ("cat/0.png", "cat/1.png", "dog/0.png", "dog/a.jpeg", "dog/b.png"), strict=False):
        assert np.array_equal(image, pictures.read(tmp_path / name, shape))


def test_pictures_in_folders_within_a_class_are_its_own_and_hidden_ones_nobodys(tmp_path: Path) -> None:
    fill(tmp_path, {"cat": 2, "dog": 2})
    put(tmp_path / "dog" / "big" / "old" / "a.png", 9)
    put(tmp_path / "dog" / ".thumbnails" / "a.png", 10)
    put(tmp_path / "dog" / "._0.png", 11)
    put(tmp_path / ".git" / "a.png", 12)
    found = read(tmp_path)
    assert (found.class_names, levels(found), found.noticed) == (["cat", "dog"], [0, 1, 2, 3, 9], [])


def test_train_and_test_above_the_classes_are_two_splits(tmp_path: Path) -> None:
    fill(tmp_path / "Train", {"cat": 2, "dog": 3})
    fill(tmp_path / "test", {"dog": 2, "cat": 1}, start=100)
    found = read(tmp_path)
    assert found.class_names == ["cat", "dog"]
    assert {split: labels.tolist() for split, (_, labels) in found.splits.items()} == {
        "train": [0, 0, 1, 1, 1],
        "test": [0, 1, 1],
    }
    assert levels(found, "test") == [102, 100, 101]
    assert found.noticed == []


def test_train_alone_is_looked_into(tmp_path: Path) -> None:
    fill(tmp_path / "train", {"cat": 2, "dog": 2})
    assert read(tmp_path).class_names == ["cat", "dog"]


def test_train_among_other_classes_is_a_class(tmp_path: Path) -> None:
    fill(tmp_path, {"car": 2, "train": 2, "plane": 2})
    assert read(tmp_path).class_names == ["car", "plane", "train"]


@pytest.mark.parametrize(
    "names",
    [("train", "valid"), ("train", "test", "val"), ("Training", "Testing"), ("test",), ("train", "test", "notes")],
)
def test_other_parts_are_refused_with_what_to_do(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        fill(tmp_path / name, {"cat": 2, "dog": 2})
    held = re.escape(str(sorted(names)))
    refused(tmp_path, f"holds {held}: give it a folder for each class, or train .*`prepare` holds out a part of train")


def test_folders_that_differ_in_case_alone_are_not_mixed_up(tmp_path: Path) -> None:
    fill(tmp_path / "train", {"cat": 2, "dog": 2})
    fill(tmp_path / "Train", {"cat": 2, "dog": 2})
    refused(tmp_path, r"holds \['Train', 'train'\]: give it a folder for each class")


def test_names_are_the_same_from_macos_and_from_linux(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    for place, name in ((tmp_path / "linux", composed), (tmp_path / "macos", decomposed)):
        fill(place, {f"caf{name}": 2, "cafz": 2, "猫": 2})
        for level, file in enumerate((f"{name}.png", "f.png"), 50):
            put(place / "cafz" / file, level)
    linux, macos = read(tmp_path / "linux"), read(tmp_path / "macos")
    assert linux.class_names == macos.class_names == ["cafz", f"caf{composed}", "猫"]
    assert levels(linux) == levels(macos)


@pytest.mark.parametrize(("name", "shown"), [(b"caf\xe9", r"caf\\udce9"), (b"a\nb", r"a\\nb")])
def test_class_whose_name_cannot_be_printed_is_refused(tmp_path: Path, name: bytes, shown: str) -> None:
    fill(tmp_path, {"cat": 2, os.fsdecode(name): 2})
    refused(tmp_path, f"has a class {shown}, whose name cannot be printed: rename it")


def test_unreadable_pictures_are_named_and_left_out_up_to_the_fraction(tmp_path: Path) -> None:
    fill(tmp_path, {"cat": 10, "dog": 6})
    for name in ("0", "3", "4", "9"):
        (tmp_path / "cat" / f"{name}.png").write_bytes(b"no picture")
    found = read(tmp_path, unreadable_fraction=0.25)
    named = "['cat/0.png', 'cat/3.png', 'cat/4.png', 'cat/9.png']"
    assert found.noticed == [f"pictures that cannot be read, left out: 4 of 16 {named}"]
    assert found.splits["train"][1].tolist() == [0] * 6 + [1] * 6
    assert found.names["train"][:3] == ["cat/1.png", "cat/2.png", "cat/5.png"]
    assert levels(found) == [1, 2, 5, 6, 7, 8, *range(10, 16)]
    refused(
        tmp_path,
        rf"{tmp_path}: 4 of 16 pictures cannot be read, more than a fraction of 0\.24: delete or replace "
        rf"{re.escape(named)}, or raise fetch\.dataset\.unreadable_fraction",
        unreadable_fraction=0.24,
    )


def test_other_files_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, {"cat": 2, "dog": 2})
    for name in ("cat/a.GIF", "cat/b.gif", "dog/notes", "dog/Thumbs.db", "readme.txt"):
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "dog" / "pipe.png")  # opening it would wait for ever
    (tmp_path / "dog" / "gone.png").symlink_to("nowhere")
    put(tmp_path / "outside.png")
    assert read(tmp_path, unreadable_fraction=0.5).noticed == [
        "pictures outside of a class's folder, left out: 1 ['outside.png']",
        "files that are no .png .jpg .jpeg, left out: 5 (1 of .db, 2 of .gif, 1 of .png, 1 of none)",
        "pictures that cannot be read, left out: 1 of 5 ['dog/gone.png']",
    ]


def test_names_that_cannot_be_printed_are_escaped_where_told(tmp_path: Path) -> None:
    fill(tmp_path, {"cat": 3, "dog": 3})
    (tmp_path / "cat" / os.fsdecode(b"\xff\n.png")).touch()
    (line,) = read(tmp_path, unreadable_fraction=0.5).noticed
    assert line.endswith(r"['cat/\udcff\n.png']")
    line.encode()


def test_folders_that_are_none_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "no", r"no cannot be read \(No such file or directory\): name another file or folder")
    put(tmp_path / "a.png")
    refused(tmp_path / "a.png", r"a\.png cannot be read \(Not a directory\): name another")
    refused(tmp_path / ("x" * 300), r"cannot be read \(File name too long\)")
    refused(tmp_path, "holds no folders: give it one for each class, named as the class")


def test_folder_that_may_not_be_looked_into_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, {"cat": 2, "dog": 2})
    fill(tmp_path / "dog", {"locked": 1})
    listed = Path.iterdir

    def denied(path: Path) -> object:  # chmod would not stop root, as whom tests may run
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", denied)
    refused(tmp_path, r"dog/locked cannot be read \(Permission denied\): name another file or folder")


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ({"cat": 3}, None, r"the classes are \['cat'\]: two or more are needed"),
        ({"cat": 3, "dog": 0, "emu": 0}, None, "the class dog has no training image: leave it out, or give it some"),
        ({"cat": 0, "dog": 0}, None, "there are no train images: add some, or leave"),
        (
            {"cat": 3, "dog": 3},
            {"cat": 1, "cow": 2},
            r"test has \['cow'\], which train lacks: add pictures to train, or",
        ),
        ({"cat": 3, "dog": 3}, {"cat": 0, "dog": 0}, "there are no test images: add some, or leave test out"),
        ({"cat": 3, "dog": 3}, {}, "there are no test images: add some, or leave test out"),
    ],
)
def test_classes_that_cannot_be_learnt_are_named(
    tmp_path: Path, train: dict[str, int], test: dict[str, int] | None, expected: str
) -> None:
    for place, classes in ((tmp_path / "train" if test is not None else tmp_path, train), (tmp_path / "test", test)):
        for name in classes or {}:
            (place / name).mkdir(parents=True)
        if classes is not None:
            place.mkdir(exist_ok=True)
            fill(place, classes)
    dataset = {"name": "image_folder", "path": str(tmp_path), "height": 8, "width": 6}
    with pytest.raises(InputError, match=expected):
        datasets.read(Fetch.model_validate({"dataset": dataset}), tmp_path, [])


def test_test_without_some_classes_is_told(tmp_path: Path) -> None:
    fill(tmp_path / "train", {"cat": 5, "dog": 5})
    fill(tmp_path / "test", {"dog": 1}, start=100)
    assert read(tmp_path).noticed == ["test has no picture of ['cat']"]


def test_linked_class_is_read_and_links_within_a_class_are_not_followed(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", {"dogs": 2})
    folder = fill(tmp_path / "pictures", {"cat": 2})
    (folder / "dog").symlink_to(tmp_path / "elsewhere" / "dogs")
    for place, target in (("cat/up", ".."), ("cat/self", "."), ("cat/top", "../../.."), ("dog/back", folder / "cat")):
        (folder / place).symlink_to(target)
    (folder / "cat" / "round").symlink_to("round")  # leads to itself
    put(folder / "cat" / "deep" / "a.png", 9)
    (folder / "cat" / "deep" / "up").symlink_to("..")
    found = read(folder)
    assert found.class_names == ["cat", "dog"]
    assert found.splits["train"][1].tolist() == [0, 0, 0, 1, 1]


def test_two_hundred_classes_are_read(tmp_path: Path) -> None:
    names = [f"class {index:03}" for index in range(200)]
    for name in reversed(names):
        for index in range(2):
            put(tmp_path / name / f"{index}.png", int(name[-3:]), size=(6 + index, 8))
    found = read(tmp_path, (8, 6, 1))
    assert found.class_names == names
    assert found.splits["train"][1].tolist() == [index for index in range(200) for _ in range(2)]


def test_more_than_a_quarter_of_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, {"cat": 2, "dog": 2})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(total=4 * 4 * 8 * 6 * 3 - 1))
    refused(tmp_path, "4 images of 8 × 6 × 3 would take .* GB, and a quarter of this machine's memory, .* is taken")


def test_reading_again_gives_the_same(tmp_path: Path) -> None:
    fill(tmp_path, {"cat": 4, "dog": 4})
    one, two = read(tmp_path), read(tmp_path)
    assert one.splits["train"][0].tobytes() == two.splits["train"][0].tobytes()
    assert (one.class_names, one.noticed) == (two.class_names, two.noticed)
