"""Random affine changes and mirror flips of whole batches: one affine map and one interpolation for each image.

As Keras's `ImageDataGenerator`, but for three things: `width_shift_range` moves along the width, `height_shift_range`
along the height (Keras has them the wrong way round), an oblong picture turns about its own centre, and results are
rounded to 8 bits.
"""

import math

import tensorflow as tf

from pipeline.schema import Augmentation

Parameters = dict[str, tf.Tensor]


def augment(images: tf.Tensor, settings: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Change each uint8 image of (n, height, width, channels) at random; the same `seed`, two int32, the same way."""
    parameters = draw(tf.shape(images)[0], images.shape[1], images.shape[2], settings, seed)
    return tf.cast(tf.round(transform(images, parameters)), tf.uint8)


def draw(count: tf.Tensor, height: int, width: int, settings: Augmentation, seed: tf.Tensor) -> Parameters:
    """Draw `count` images' parameters, uniform in their ranges, under `ImageDataGenerator`'s names.

    `theta` and `shear` are degrees; `tx` moves along the width and `ty` along the height, in pixels; `zx` and `zy` are
    factors; `flip_horizontal` is 1 or -1, the latter mirrored.
    """
    uniform = tf.unstack(tf.random.stateless_uniform([7, count], seed, -1.0, 1.0))
    return {
        "theta": uniform[0] * settings.rotation_range,
        "shear": uniform[1] * settings.shear_range,
        "tx": uniform[2] * settings.width_shift_range * width,
        "ty": uniform[3] * settings.height_shift_range * height,
        "zx": 1 + uniform[4] * settings.zoom_range,
        "zy": 1 + uniform[5] * settings.zoom_range,
        "flip_horizontal": tf.where((uniform[6] < 0) & settings.horizontal_flip, -1.0, 1.0),
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
