"""Random changes of whole batches: one affine map and interpolation for each image, light, whole-pixel moves, erasing.

The affine map is that of Keras's `ImageDataGenerator`, but for three things: `width_shift_range` moves along the width,
`height_shift_range` along the height (Keras has them the wrong way round), an oblong picture turns about its own
centre, and results are rounded to 8 bits.
"""

import math

import tensorflow as tf

from pipeline.config.models import Augmentation, Erasing

AFFINE = ("rotation_range", "zoom_range", "shear_range", "width_shift_range", "height_shift_range")
Parameters = dict[str, tf.Tensor]


def augment(
    images: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor, mirrored: tf.Tensor | None = None
) -> tf.Tensor:
    """Change each uint8 image of (n, height, width, channels) at random; the same `seed`, two int32, the same way.

    `mirrored`, bool of (n,), says which images `horizontal_flip: alternating` mirrors now; by default every other.
    """
    images = tf.convert_to_tensor(images)
    height, width = images.shape[1:3]
    if augmentation.horizontal_flip == "alternating":
        mirrored = tf.range(tf.shape(images)[0]) % 2 == 1 if mirrored is None else mirrored
        images = tf.where(mirrored[:, None, None, None], tf.reverse(images, [2]), images)
    if any(getattr(augmentation, name) for name in AFFINE) or augmentation.horizontal_flip is True:
        parameters = draw(tf.shape(images)[0], height, width, augmentation, seed)
        images = tf.cast(tf.round(transform(images, parameters)), tf.uint8)
    if augmentation.contrast or augmentation.brightness:
        images = relight(images, augmentation, tf.random.experimental.stateless_fold_in(seed, 3))
    if augmentation.shift_pixels:
        images = shift(images, augmentation.shift_pixels, tf.random.experimental.stateless_fold_in(seed, 1))
    if augmentation.erasing:
        images = erase(images, augmentation.erasing, tf.random.experimental.stateless_fold_in(seed, 2))
    return images


def relight(images: tf.Tensor, augmentation: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Change each image's contrast and then its brightness, each by as much as drawn, uniform in its range."""
    drawn = tf.random.stateless_uniform([2, tf.shape(images)[0], 1, 1, 1], seed, -1.0, 1.0)
    levels = tf.cast(images, tf.float32)
    mean = tf.reduce_mean(levels, [1, 2], keepdims=True)
    levels = mean + (1 + augmentation.contrast * drawn[0]) * (levels - mean)
    levels += 255 * augmentation.brightness * drawn[1]
    return tf.cast(tf.round(tf.clip_by_value(levels, 0, 255)), tf.uint8)


def shift(images: tf.Tensor, most: int, seed: tf.Tensor) -> tf.Tensor:
    """Move each image by up to `most` whole pixels along each axis; edges are filled with the nearest pixel."""
    height, width = images.shape[1:3]
    by = tf.random.stateless_uniform([2, tf.shape(images)[0], 1], seed, -most, most + 1, tf.int32)
    rows = tf.clip_by_value(tf.range(height) + by[0], 0, height - 1)
    columns = tf.clip_by_value(tf.range(width) + by[1], 0, width - 1)
    return tf.gather(tf.gather(images, rows, batch_dims=1), columns, axis=2, batch_dims=1)


def erase(images: tf.Tensor, erasing: Erasing, seed: tf.Tensor) -> tf.Tensor:
    """Fill a rectangle of each image, with the probability asked for; every place inside is as likely."""
    height, width = images.shape[1:3]
    place = tf.random.stateless_uniform([3, tf.shape(images)[0], 1], seed)
    top = tf.floor(place[0] * (height - erasing.height + 1))
    left = tf.floor(place[1] * (width - erasing.width + 1))
    top = tf.where(place[2] < erasing.probability, top, float(height))  # below the image, where nothing is
    rows, columns = tf.range(height, dtype=tf.float32), tf.range(width, dtype=tf.float32)
    inside_rows = (rows >= top) & (rows < top + erasing.height)
    inside_columns = (columns >= left) & (columns < left + erasing.width)
    filling = tf.zeros_like(images)
    if erasing.fill == "noise":
        levels_seed = tf.random.experimental.stateless_fold_in(seed, 1)
        filling = tf.cast(tf.random.stateless_uniform(tf.shape(images), levels_seed, 0, 256, tf.int32), tf.uint8)
    return tf.where((inside_rows[:, :, None] & inside_columns[:, None, :])[..., None], filling, images)


def draw(count: tf.Tensor, height: int, width: int, augmentation: Augmentation, seed: tf.Tensor) -> Parameters:
    """Draw `count` images' parameters, uniform in their ranges, under `ImageDataGenerator`'s names.

    `theta` and `shear` are degrees; `tx` moves along the width and `ty` along the height, in pixels; `zx` and `zy` are
    factors; `flip_horizontal` is 1 or -1, the latter mirrored.
    """
    uniform = tf.unstack(tf.random.stateless_uniform([7, count], seed, -1.0, 1.0))
    flip = augmentation.horizontal_flip is True
    return {
        "theta": uniform[0] * augmentation.rotation_range,
        "shear": uniform[1] * augmentation.shear_range,
        "tx": uniform[2] * augmentation.width_shift_range * width,
        "ty": uniform[3] * augmentation.height_shift_range * height,
        "zx": 1 + uniform[4] * augmentation.zoom_range,
        "zy": 1 + uniform[5] * augmentation.zoom_range,
        "flip_horizontal": tf.where((uniform[6] < 0) & flip, -1.0, 1.0),
    }


def transform(images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
    """Apply each image's parameters: float32 out, bilinear, edges filled with the nearest pixel.

    An output pixel's place, relative to the centre, is mirrored, then zoomed, sheared, shifted and rotated into the
    place it is read from: rotation · shift · shear · zoom · flip, as in Keras's `apply_affine_transform`.
    """
    theta, shear = (parameters[name] * (math.pi / 180) for name in ("theta", "shear"))
    cos, sin = tf.cos(theta), tf.sin(theta)
    xx = cos * parameters["zx"] * parameters["flip_horizontal"]
    yx = sin * parameters["zx"] * parameters["flip_horizontal"]
    xy = -tf.sin(theta + shear) * parameters["zy"]
    yy = tf.cos(theta + shear) * parameters["zy"]
    x0 = cos * parameters["tx"] - sin * parameters["ty"]
    y0 = sin * parameters["tx"] + cos * parameters["ty"]
    centre_x, centre_y = (images.shape[2] - 1) / 2, (images.shape[1] - 1) / 2
    x0 += centre_x - xx * centre_x - xy * centre_y
    y0 += centre_y - yx * centre_x - yy * centre_y
    zero = tf.zeros_like(theta)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=tf.stack([xx, xy, x0, yx, yy, y0, zero, zero], axis=1),
        output_shape=images.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
