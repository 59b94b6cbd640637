"""The shape of a residual network: which convolutions it has, and of which sizes.

As in K. He, X. Zhang, S. Ren and J. Sun, *Deep Residual Learning for Image Recognition*, CVPR 2016, with the stride on
the 3 x 3 convolution of a block, as it is mostly built since. Batch normalisation is folded into the convolutions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["EXPANSION", "RESNET_152", "Architecture", "Block", "Convolution", "blocks"]

EXPANSION: Final = 4
_COLOURS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """How large a network is.

    Attributes:
        stages: blocks in each of the stages; from the second on, a stage halves the image and doubles the channels.
        width: channels of the first convolution, and inside the first stage's blocks.
        side: pixels of the square image.
        classes: how many it tells apart.
    """

    stages: tuple[int, ...] = (3, 8, 36, 3)
    width: int = 64
    side: int = 224
    classes: int = 1000

    @property
    def layers(self) -> int:
        """Layers with weights along the longest way: the number in the name."""
        return 2 + 3 * sum(self.stages)

    @property
    def channels(self) -> int:
        """Channels of what the last layer reads."""
        return (self.width * EXPANSION) << (len(self.stages) - 1)

    @property
    def stem(self) -> "Convolution":
        """The first convolution."""
        return Convolution("stem", _COLOURS, self.width, size=7, stride=2)

    @property
    def parameters(self) -> int:
        """Weights and biases in all."""
        folded = [self.stem, *(one for block in blocks(self) for one in block.convolutions)]
        return sum(one.parameters for one in folded) + (self.channels + 1) * self.classes


RESNET_152: Final = Architecture()


class Convolution(NamedTuple):
    """One convolution with a bias, padded so that only its stride makes the image smaller."""

    name: str
    inputs: int
    outputs: int
    size: int = 1
    stride: int = 1

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.outputs * (self.inputs * self.size**2 + 1)


class Block(NamedTuple):
    """A bottleneck: three convolutions, and one beside them where the shape changes."""

    main: tuple[Convolution, Convolution, Convolution]
    shortcut: Convolution | None

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """All of them."""
        return self.main if self.shortcut is None else (*self.main, self.shortcut)


def blocks(architecture: Architecture) -> Iterator[Block]:
    """Yields the blocks from the image to the classes."""
    inputs = architecture.width
    for stage, count in enumerate(architecture.stages):
        inner = architecture.width * 2**stage
        for number in range(count):
            stride = 2 if stage and not number else 1
            yield _block(f"stage{stage + 1}.block{number + 1}", inputs, inner, stride)
            inputs = inner * EXPANSION


def _block(name: str, inputs: int, inner: int, stride: int) -> Block:
    outputs = inner * EXPANSION
    main = (
        Convolution(f"{name}.reduce", inputs, inner),
        Convolution(f"{name}.convolve", inner, inner, size=3, stride=stride),
        Convolution(f"{name}.expand", inner, outputs),
    )
    changes = stride > 1 or inputs != outputs
    return Block(main, Convolution(f"{name}.shortcut", inputs, outputs, stride=stride) if changes else None)
