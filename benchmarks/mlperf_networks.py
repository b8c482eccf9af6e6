"""Totals of networks that MLPerf Training trained and the zoo has not, counted from their layers.

    python benchmarks/mlperf_networks.py

Shapes are those of the reference implementations (mlcommons/training). What counts are the layers with
weights: parameters with biases and normalisation, multiply-adds of the forward pass, elements put out.

- SSD300 with ResNet-34 cut after its third stage: ``single_stage_detector/ssd/ssd300.py``.
- RetinaNet with ResNeXt-50 32x4d, 264 classes, 800 x 800 pixels: ``single_stage_detector/ssd/model``. With
  ResNet-50 and 91 classes it has the 34,014,999 parameters and 151.54 G of torchvision.
- Mask R-CNN with ResNet-50 and 800 x 1344 pixels, 512 regions, 128 masks: ``object_detection/pytorch``. It
  has the 44,401,393 parameters of torchvision.
- U-Net 3D on crops of 128 voxels a side: ``image_segmentation/pytorch/model/unet3d.py``.
- RNN-T: ``rnn_speech_recognition/pytorch/rnnt/model.py`` and ``configs/baseline_v3-1023sp.yaml``.
- U-Net of Stable Diffusion 2: ``stable_diffusion/configs``. It has the 865.91 M that its program prints.

An utterance of LibriSpeech lasts 12.3 s in the mean (960 hours, 281,241 utterances; Panayotov et al. 2015);
60 word pieces are an assumption, which moves work only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

RESNET_50 = (3, 4, 6, 3)  # blocks of each stage
Area = float  # places of a map: height times width


@dataclass(slots=True)
class Tally:
    """Totals that grow layer by layer."""

    parameters: int = 0
    macs: float = 0.0
    activations: float = 0.0

    def layer(self, weights: int, more: int, outputs: float, places: float, shared: bool = False) -> None:
        """Add a layer whose weights work once at each of so many places; shared weights count elsewhere."""
        self.parameters += 0 if shared else weights + more
        self.macs += weights * places
        self.activations += outputs * places

    def conv(
        self, inputs: int, outputs: int, kernel: int, places: float, *, extra: int = 2, groups: int = 1,
        shared: bool = False,
    ) -> None:  # fmt: skip
        """Add a convolution of ``kernel`` taps in all; ``extra`` parameters per output: 2 norm, 1 bias."""
        self.layer(inputs * outputs * kernel // groups, extra * outputs, outputs, places, shared)

    def linear(self, inputs: int, outputs: int, times: float, bias: bool = True) -> None:
        """Add a dense layer that is applied so many times."""
        self.conv(inputs, outputs, 1, times, extra=int(bias))

    def lstm(self, inputs: int, units: int, steps: float) -> None:
        """Add a layer of an LSTM with two biases."""
        self.layer(4 * units * (inputs + units), 8 * units, 4 * units, steps)

    @property
    def name(self) -> str:
        """The name by which a scenario asks for it."""
        return f"counted-{self.parameters / 1e6:.4g}M-{self.macs / 1e9:.4g}G-{self.activations / 1e6:.4g}M"


def backbone(tally: Tally, area: Area, width: int = 64, groups: int = 1) -> None:
    """Add ResNet-50, or with 128 and 32 ResNeXt-50 32x4d, on so many pixels; its normalisation is frozen."""
    tally.conv(3, 64, 49, area / 4, extra=0)
    inputs, places = 64, area / 16
    for stage, blocks in enumerate(RESNET_50):
        outputs, inner = 256 << stage, width << stage
        for block in range(blocks):
            before = places
            places = places / 4 if stage and block == 0 else places
            tally.conv(inputs, inner, 1, before, extra=0)
            tally.conv(inner, inner, 9, places, extra=0, groups=groups)
            tally.conv(inner, outputs, 1, places, extra=0)
            if block == 0:
                tally.conv(inputs, outputs, 1, places, extra=0)
            inputs = outputs


def pyramid(tally: Tally, channels: tuple[int, ...], places: float) -> None:
    """Add a feature pyramid of 256 maps over levels whose first has so many places."""
    for index, inputs in enumerate(channels):
        tally.conv(inputs, 256, 1, places / 4**index, extra=1)
        tally.conv(256, 256, 9, places / 4**index, extra=1)


def retinanet(classes: int = 264, width: int = 128, groups: int = 32) -> Tally:
    """Return RetinaNet on 800 x 800 pixels."""
    tally, area = Tally(), 800.0**2
    backbone(tally, area, width, groups)
    pyramid(tally, (512, 1024, 2048), area / 64)
    sizes = [100**2, 50**2, 25**2, 13**2, 7**2]
    for places in sizes[3:]:
        tally.conv(256, 256, 9, places, extra=1)
    for index, places in enumerate(sizes):
        for _ in range(8):
            tally.conv(256, 256, 9, places, extra=1, shared=index > 0)
        tally.conv(256, 9 * classes, 9, places, extra=1, shared=index > 0)
        tally.conv(256, 9 * 4, 9, places, extra=1, shared=index > 0)
    return tally


def mask_rcnn(classes: int = 91, regions: int = 512, masks: int = 128) -> Tally:
    """Return Mask R-CNN on 800 x 1344 pixels."""
    tally, area = Tally(), 800.0 * 1344
    backbone(tally, area)
    pyramid(tally, (256, 512, 1024, 2048), area / 16)
    for index in range(5):
        places = area / 16 / 4**index
        for outputs, taps in ((256, 9), (3, 1), (12, 1)):
            tally.conv(256, outputs, taps, places, extra=1, shared=index > 0)
    for inputs, outputs in ((256 * 49, 1024), (1024, 1024), (1024, classes), (1024, 4 * classes)):
        tally.linear(inputs, outputs, regions)
    for _ in range(4):
        tally.conv(256, 256, 9, masks * 14**2, extra=1)
    # Each place of a transposed convolution with stride 2 makes four, so one tap works at each.
    tally.layer(256 * 256 * 4, 256, 256 * 4, masks * 14**2)
    tally.conv(256, classes, 1, masks * 28**2, extra=1)
    return tally


def ssd300(classes: int = 81) -> Tally:
    """Return SSD on 300 x 300 pixels with a ResNet-34 whose third stage keeps 38 x 38 places."""
    tally = Tally()
    tally.conv(3, 64, 49, 150**2)
    inputs = 64
    for outputs, blocks, side in ((64, 3, 75), (128, 4, 38), (256, 6, 38)):
        for _ in range(blocks):
            tally.conv(inputs, outputs, 9, side**2)
            tally.conv(outputs, outputs, 9, side**2)
            if inputs != outputs:
                tally.conv(inputs, outputs, 1, side**2)
            inputs = outputs
    channels, sides = (256, 512, 512, 256, 256, 256), (38, 19, 10, 5, 3, 1)
    for (near, far), inner, (before, after) in zip(
        pairwise(channels), (256, 256, 128, 128, 128), pairwise(sides), strict=True
    ):
        tally.conv(near, inner, 1, before**2, extra=1)
        tally.conv(inner, far, 9, after**2, extra=1)
    for maps, boxes, side in zip(channels, (4, 6, 6, 6, 4, 4), sides, strict=True):
        tally.conv(maps, boxes * (4 + classes), 9, side**2, extra=1)
    return tally


def unet3d(classes: int = 3) -> Tally:
    """Return U-Net 3D on a crop of 128 voxels a side."""
    tally, maps = Tally(), (32, 64, 128, 256, 320, 320)
    tally.conv(1, 32, 27, 128**3)
    tally.conv(32, 32, 27, 128**3)
    for level, (inputs, outputs) in enumerate(pairwise(maps)):
        places = (64 >> level) ** 3
        tally.conv(inputs, outputs, 27, places)
        tally.conv(outputs, outputs, 27, places)
        tally.layer(outputs * inputs * 8, inputs, inputs * 8, places)  # back up: every voxel makes eight
        tally.conv(2 * inputs, inputs, 27, 8 * places)
        tally.conv(inputs, inputs, 27, 8 * places)
    tally.conv(32, classes, 1, 128**3, extra=1)
    return tally


def rnnt(frames: float = 12.3 / 0.03, pieces: float = 60.0, symbols: int = 1024) -> Tally:
    """Return RNN-T on a sample of so many stacked frames and word pieces."""
    tally = Tally()
    for inputs in (240, 1024):
        tally.lstm(inputs, 1024, frames)
    for inputs in (2048, 1024, 1024):
        tally.lstm(inputs, 1024, frames / 2)
    tally.parameters += (symbols - 1) * 512
    for _ in range(2):
        tally.lstm(512, 512, pieces)
    tally.linear(1024, 512, frames / 2)
    tally.linear(512, 512, pieces)
    tally.linear(512, symbols, frames / 2 * pieces)
    return tally


def diffusion() -> Tally:
    """Return the U-Net of Stable Diffusion 2 on latents of 64 x 64, with 77 tokens of text."""
    tally = Tally()
    tally.linear(320, 1280, 1)
    tally.linear(1280, 1280, 1)
    tally.conv(4, 320, 9, 64**2, extra=1)
    maps, skips, inputs = (320, 640, 1280, 1280), [320], 320
    for level, outputs in enumerate(maps):
        for _ in range(2):
            _diffusion_block(tally, inputs, outputs, (64 >> level) ** 2, level < 3)
            inputs = outputs
            skips.append(outputs)
        if level < 3:
            tally.conv(outputs, outputs, 9, (32 >> level) ** 2, extra=1)
            skips.append(outputs)
    _diffusion_block(tally, 1280, 1280, 8**2, attends=True)
    _diffusion_block(tally, 1280, 1280, 8**2, attends=False)
    for level, outputs in reversed(list(enumerate(maps))):
        for _ in range(3):
            _diffusion_block(tally, inputs + skips.pop(), outputs, (64 >> level) ** 2, level < 3)
            inputs = outputs
        if level:
            tally.conv(outputs, outputs, 9, (128 >> level) ** 2, extra=1)
    tally.parameters += 2 * 320
    tally.conv(320, 4, 9, 64**2, extra=1)
    return tally


def _diffusion_block(tally: Tally, inputs: int, outputs: int, places: int, attends: bool) -> None:
    """Add a residual block and, where it attends, a transformer block over places and text."""
    tally.parameters += 2 * inputs + 2 * outputs
    tally.conv(inputs, outputs, 9, places, extra=1)
    tally.linear(1280, outputs, 1)
    tally.conv(outputs, outputs, 9, places, extra=1)
    if inputs != outputs:
        tally.linear(inputs, outputs, places)
    if not attends:
        return
    tally.parameters += 8 * outputs
    for bias in (True, False, False, False, True, False, True, True):  # in, q, k, v, out, q, out, out
        tally.linear(outputs, outputs, places, bias)
    for _ in range(2):
        tally.linear(1024, outputs, 77, bias=False)
    tally.macs += 2 * outputs * places * (places + 77)
    tally.linear(outputs, 8 * outputs, places)
    tally.linear(4 * outputs, outputs, places)


COUNTED: Mapping[str, Callable[[], Tally]] = {
    "ssd": ssd300, "retinanet": retinanet, "maskrcnn": mask_rcnn, "unet3d": unet3d, "rnnt": rnnt,
    "stable_diffusion": diffusion,
}  # fmt: skip

if __name__ == "__main__":
    for benchmark, network in COUNTED.items():
        print(f"{benchmark:16} {network().name}")
