"""Networks of Lambda's benchmark that the zoo does not have, counted from their configurations.

Shapes are those of NVIDIA's DeepLearningExamples for PyTorch, with the options that Lambda's configurations
(lambdal/deeplearning-benchmark, pytorch/scripts/config_v1) set: SSD300 with the first stages of ResNet-50;
GNMT with four layers each way, 1,024 wide; NeuMF on MovieLens-20M; Tacotron 2 and WaveGlow on LJSpeech;
Transformer-XL base and large on WikiText-103, with a softmax over all words because ``--adaptive`` is not
set. A sample is what the batch size counts; ``UNITS`` says how much of the published throughput it is.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from nearlinear.models.dnn import network
from nearlinear.models.dnn.layer import Layer
from nearlinear.models.dnn.network import Network, Stack

SENTENCE = 25  # tokens of a WMT16 sentence in byte pairs, of each language (about; not published)
FRAMES = 566  # of a clip of LJSpeech: 6.57 s at 22,050 samples a second, a hop of 256
LONGEST = 870  # frames of the longest clip of a batch, to which the others are padded: 10.1 s
CHARACTERS = 100  # of a clip of LJSpeech: 13,100 clips have 1.31 M characters
SEGMENT, GROUP = 8000, 8  # audio samples of a WaveGlow sample, and how many are one position
WORDS = {"wt103": 267_735, "wmt16": 32_320}
UNITS = {"gnmt": 2 * SENTENCE, "tacotron2": FRAMES, "waveglow": SEGMENT, "transformerxlbase": 192,
         "transformerxllarge": 256}  # fmt: skip
CELL = 2  # kernels of a step of a recurrent layer: the product and the gates


@cache
def lambda_network(name: str) -> Network:
    """Return the network that Lambda's tables call ``name``."""
    zoo = {
        "resnet50": "resnet-50",
        "bert_base_squad": "bert-base-squad-384",
        "bert_large_squad": "bert-large-squad-384",
    }
    return network(zoo[name]) if name in zoo else BUILDERS[name]()


def ssd() -> Network:
    """Return SSD300: ResNet-50 to its fourth stage at stride 1 there, five more scales, two heads on each."""
    net = Stack(3, 300, 300)
    net.conv("conv1", 64, 7, stride=2, pad=3, bias=False, norm=True).pool("pool1", 3, 2, pad=1)
    for stage, count in enumerate((3, 4, 6)):
        for index in range(count):
            _bottleneck(
                net, f"conv{stage + 2}_{index + 1}", 64 << stage, 2 if stage == 1 and not index else 1
            )
    _heads(net, "feed0", 4)
    narrow, wide, boxes = (256, 256, 128, 128, 128), (512, 512, 256, 256, 256), (6, 6, 6, 4, 4)
    for number in range(5):
        net.conv(f"extra{number}.a", narrow[number], 1, bias=False, norm=True)
        step, pad = (2, 1) if number < 3 else (1, 0)
        net.conv(f"extra{number}.b", wide[number], 3, step, pad=pad, bias=False, norm=True)
        _heads(net, f"feed{number + 1}", boxes[number])
    return net.build("ssd300", "SSD300 (ResNet-50)", "Liu et al. 2016")


def _bottleneck(net: Stack, name: str, width: int, stride: int) -> None:
    entry, main = net.branch(), net.branch()
    main.conv(f"{name}.a", width, 1, bias=False, norm=True)
    main.conv(f"{name}.b", width, 3, stride, pad=1, bias=False, norm=True)
    main.conv(f"{name}.c", 4 * width, 1, bias=False, norm=True, relu=False)
    if entry.channels != 4 * width:
        entry.conv(f"{name}.shortcut", 4 * width, 1, stride, bias=False, norm=True, relu=False)
    net.follow(main).add(f"{name}.add").relu(f"{name}.relu")


def _heads(net: Stack, name: str, boxes: int) -> None:
    for head, each in (("place", 4), ("class", 81)):
        net.branch().conv(f"{name}.{head}", boxes * each, 3, pad=1, relu=False)


def neumf() -> Network:
    """Return NeuMF: factors 64 wide, and 256-256-128-64 over embeddings of 128 each."""
    rows, layers = 138_493 + 26_744, []
    layers.append(_moving("factors", "embedding", 2, 2 * 64, (rows * 64,)))
    layers.append(_moving("product", "add", 2 * 64, 64))
    layers.append(_moving("embedding", "embedding", 2, 256, (rows * 128,)))
    layers.append(_moving("concat", "concat", 256, 256))
    for number, (wide, narrow) in enumerate(((256, 256), (256, 128), (128, 64))):
        layers.append(_product(f"fc{number}", wide, narrow))
        layers += [_moving(f"fc{number}.{kind}", kind, narrow, narrow) for kind in ("relu", "dropout")]
    layers += [_moving("join", "concat", 128, 128), _product("final", 128, 1)]
    return _network("neumf", layers)


def gnmt() -> Network:
    """Return GNMT: an encoder whose first layer reads both ways, a decoder with attention, a softmax."""
    width, t = 1024, SENTENCE
    table = (WORDS["wmt16"] * width,)
    layers = [
        _moving("source", "embedding", t, t * width, table),
        _moving("drop", "dropout", t * width, t * width),
    ]
    for way in ("there", "back"):
        layers += _lstm(f"encoder0.{way}", width, width, t)
    for number, wide in enumerate((2 * width, width, width)):
        layers += _lstm(f"encoder{number + 1}", wide, width, t)
    layers += [_moving("target", "embedding", t, t * width), *_lstm("decoder0", width, width, t)]
    layers += [_product("query", width, width, t), _product("keys", width, width, t)]
    layers += [
        _moving("scores", "softmax", t * t * width, t * t),
        _moving("tanh", "gelu", t * t * width, t * t * width),
    ]
    layers.append(
        Layer(name="context", kind="product", inputs=t * (t + width), outputs=t * width, macs=t * t * width)
    )
    for number in range(3):
        layers.append(_moving(f"concat{number}", "concat", 2 * t * width, 2 * t * width))
        layers += _lstm(f"decoder{number + 1}", 2 * width, width, t)
    layers += _words(width, "wmt16", t, table=True)
    return _network("gnmt", layers)


def tacotron() -> Network:
    """Return Tacotron 2 for a clip of mean length in a batch that is padded to its longest."""
    letters, frames, width, mel = CHARACTERS, LONGEST, 512, 80
    layers = [_moving("letters", "embedding", letters, letters * width, (148 * width,))]
    for number in range(3):
        layers += _conv1d(f"encoder.conv{number}", width, width, 5, letters)
    for way in ("there", "back"):
        layers += _lstm(f"encoder.{way}", width, 256, letters)
    layers += [_product("prenet0", mel, 256, frames), _product("prenet1", 256, 256, frames)]
    layers += _lstm("attention.cell", 256 + width, 1024, frames)
    layers += _location(letters, frames, width)
    layers += _lstm("decoder.cell", 1024 + width, 1024, frames)
    layers += [
        _stepwise(_product("frame", 1024 + width, mel, frames)),
        _stepwise(_product("gate", 1024 + width, 1, frames)),
    ]
    for number, (wide, out) in enumerate(
        ((mel, width), (width, width), (width, width), (width, width), (width, mel))
    ):
        layers += _conv1d(f"postnet{number}", wide, out, 5, frames)
    return _network("tacotron2", layers)


def _location(letters: int, frames: int, width: int) -> list[Layer]:
    """Return attention that also sees where it was: 32 filters of 31, then 128 wide, once a frame."""
    seen = letters * frames
    layers = [_product("attention.query", 1024, 128, frames), _product("attention.filters", 2 * 31, 32, seen)]
    layers += [_product("attention.places", 32, 128, seen), _product("attention.energy", 128, 1, seen)]
    layers.append(
        Layer(
            name="attention.context", kind="product", inputs=seen, outputs=frames * width, macs=seen * width
        )
    )
    sums = [
        _moving(f"attention.{kind}{i}", kind, seen * 128, seen * 128)
        for i, kind in enumerate(("add", "add", "gelu"))
    ]
    small = [_moving(f"attention.small{i}", "concat", seen, seen) for i in range(8)]
    wide = [_moving(f"attention.wide{i}", "concat", frames * 1024, frames * 1024) for i in range(6)]
    return [_stepwise(layer, frames) for layer in (*layers, *sums, *small, *wide)]


def waveglow() -> Network:
    """Return WaveGlow: 12 flows of 8 dilated layers, 512 wide, over 1,000 positions."""
    layers, positions, channels = [], SEGMENT // GROUP, GROUP
    layers += _conv1d("upsample", 80, 80, 4, SEGMENT, norm=False)
    for flow in range(12):
        channels -= 2 * (flow in (4, 8))
        layers += _conv1d(f"flow{flow}.mix", channels, channels, 1, positions, norm=False)
        layers += _conv1d(f"flow{flow}.start", channels // 2, 512, 1, positions, norm=False)
        for number in range(8):
            layers += _wave(f"flow{flow}.{number}", positions, 512 if number == 7 else 1024)
        layers += _conv1d(f"flow{flow}.end", 512, channels, 1, positions, norm=False)
    return _network("waveglow", layers)


def _wave(name: str, positions: int, out: int) -> list[Layer]:
    gates, size = 2 * 512 * positions, 512 * positions
    return [
        *_conv1d(f"{name}.in", 512, 1024, 3, positions, norm=False),
        *_conv1d(f"{name}.mel", 80 * GROUP, 1024, 1, positions, norm=False),
        _moving(f"{name}.gate", "add", 2 * gates, size),
        *_conv1d(f"{name}.out", 512, out, 1, positions, norm=False),
        _moving(f"{name}.residual", "add", 2 * size, size),
        _moving(f"{name}.skip", "add", 2 * size, size),
    ]


def transformer_xl(blocks: int, width: int, heads: int, inner: int, tokens: int, name: str) -> Network:
    """Return Transformer-XL that remembers as many words as it reads."""
    seen, size, d = 2 * tokens, tokens * width, heads * 64
    layers = [_moving("words", "embedding", tokens, size), _moving("drop", "dropout", size, size)]
    for number in range(blocks):
        b = f"block{number}"
        layers += [
            _moving(f"{b}.memory", "concat", seen * width, seen * width),
            _product(f"{b}.qkv", width, 3 * d, seen),
        ]
        layers += [
            _product(f"{b}.where", width, d, seen),
            _moving(f"{b}.bias", "add", 2 * tokens * d, 2 * tokens * d),
        ]
        scores = heads * tokens * seen
        for part in ("what", "where"):
            layers.append(
                Layer(
                    name=f"{b}.{part}.scores",
                    kind="product",
                    inputs=(tokens + seen) * d,
                    outputs=scores,
                    macs=tokens * seen * d,
                )
            )
        for kind in ("take", "add", "take", "softmax", "dropout"):  # shift, sum, mask, softmax, dropout
            layers.append(_moving(f"{b}.{kind}", kind, scores, scores))
        layers.append(
            Layer(
                name=f"{b}.context",
                kind="product",
                inputs=scores + seen * d,
                outputs=tokens * d,
                macs=tokens * seen * d,
            )
        )
        layers += [_product(f"{b}.out", d, width, tokens), *_rest(f"{b}.out", size)]
        layers += [
            _product(f"{b}.up", width, inner, tokens),
            _moving(f"{b}.relu", "relu", tokens * inner, tokens * inner),
        ]
        layers += [_moving(f"{b}.drop", "dropout", tokens * inner, tokens * inner)]
        layers += [_product(f"{b}.down", inner, width, tokens), *_rest(f"{b}.down", size)]
    return _network(name, layers + _words(width, "wt103", tokens))


def _rest(name: str, size: int) -> list[Layer]:
    return [
        _moving(f"{name}.{kind}", kind, (1 + (kind == "add")) * size, size)
        for kind in ("dropout", "add", "layernorm")
    ]


def _words(width: int, text: str, tokens: int, table: bool = False) -> list[Layer]:
    """Return scores of all words, and their softmax with its loss."""
    scores = tokens * WORDS[text]
    return [
        _product("scores", width, WORDS[text], tokens),
        _moving("softmax", "softmax", scores, scores),
        _moving("loss", "softmax", scores, tokens),
    ]


def _lstm(name: str, wide: int, units: int, steps: int) -> list[Layer]:
    """Return a recurrent layer: four gates from its input and its last output, at one step after another."""
    weights = 4 * units * (wide + units)
    gates = 4 * units * steps
    return [
        Layer(
            name=name,
            kind="fc",
            inputs=steps * (wide + units),
            outputs=gates,
            tensors=(weights, 8 * units),
            macs=weights * steps,
            launches=steps,
        ),
        Layer(
            name=f"{name}.gates",
            kind="add",
            inputs=gates + units * steps,
            outputs=2 * units * steps,
            launches=steps,
        ),
    ]


def _conv1d(
    name: str, wide: int, filters: int, kernel: int, positions: int, norm: bool = True
) -> list[Layer]:
    weights, size = wide * filters * kernel, filters * positions
    layers = [
        Layer(
            name=name,
            kind="conv",
            inputs=wide * positions,
            outputs=size,
            tensors=(weights, filters),
            macs=weights * positions,
            elementwise=size,
        )
    ]
    if norm:
        layers += [_moving(f"{name}.{kind}", kind, size, size) for kind in ("batchnorm", "relu", "dropout")]
    return layers


def _product(name: str, wide: int, units: int, positions: int = 1) -> Layer:
    return Layer(
        name=name,
        kind="fc",
        inputs=wide * positions,
        outputs=units * positions,
        tensors=(wide * units, units),
        macs=wide * units * positions,
        elementwise=units * positions,
    )


def _moving(name: str, kind: str, inputs: int, outputs: int, tensors: tuple[int, ...] = ()) -> Layer:
    return Layer(name=name, kind=kind, inputs=inputs, outputs=outputs, tensors=tensors, elementwise=outputs)


def _stepwise(layer: Layer, steps: int = LONGEST) -> Layer:
    return replace(layer, launches=steps)


def _network(name: str, layers: list[Layer]) -> Network:
    return Network(
        name=name,
        title=name,
        source="NVIDIA DeepLearningExamples",
        layers=tuple(layers),
        sample_elements=layers[0].inputs,
    )


BUILDERS: dict[str, Callable[[], Network]] = {
    "ssd": ssd, "ncf": neumf, "gnmt": gnmt, "tacotron2": tacotron, "waveglow": waveglow,
    "transformerxlbase": lambda: transformer_xl(16, 512, 8, 2048, 192, "transformer-xl-base"),
    "transformerxllarge": lambda: transformer_xl(18, 1024, 16, 4096, 256, "transformer-xl-large"),
}  # fmt: skip
