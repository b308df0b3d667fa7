"""Do two pictures of a screen look the same? Compared block by block: it does not matter how a letter's edge is drawn, but where it is.

Each block is as bright as its pixels are together. The same text, drawn a little differently by another machine, hardly changes
that; text that moved, came or went, and another colour do.
"""

from PIL import Image, ImageChops

BLOCK = 16  # pixels each way
NOTICED = 16  # levels of red, green or blue, of 255: letters fitted to pixels or not make 12, a word more or less 20 and more
COLOURS, ROUNDS = 64, 3  # of a picture that is kept; how often they are chosen better
RED = (200, 30, 30)


def changed(was: Image.Image, now: Image.Image) -> Image.Image:
    """A pixel for each block: white where it has changed."""
    if was.size != now.size:
        return Image.new("L", now.reduce(BLOCK).size, 255)
    return changed_dots(*(one.convert("RGB").reduce(BLOCK) for one in (was, now)))


def changed_dots(before: Image.Image, after: Image.Image) -> Image.Image:
    """The same, of pictures with one pixel for each block."""
    if before.size != after.size:
        return Image.new("L", after.size, 255)
    red, green, blue = ImageChops.difference(before, after).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point([255 if level >= NOTICED else 0 for level in range(256)])


def number_of(blocks: Image.Image) -> int:
    """Number of changed blocks."""
    return blocks.histogram()[255]


def looks_the_same(was: Image.Image, now: Image.Image) -> bool:
    """Would somebody say that nothing has changed?"""
    return number_of(changed(was, now)) == 0


def marked(now: Image.Image, blocks: Image.Image) -> Image.Image:
    """The picture in grey, with what has changed in red."""
    where = blocks.resize((blocks.width * BLOCK, blocks.height * BLOCK), Image.Resampling.NEAREST).crop((0, 0, *now.size))
    grey = now.convert("L").convert("RGB")
    return Image.composite(Image.blend(grey, Image.new("RGB", now.size, RED), 0.45), grey, where)


def small(picture: Image.Image) -> Image.Image:
    """The picture with few colours, as it is kept."""
    return picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=ROUNDS, dither=Image.Dither.NONE)
