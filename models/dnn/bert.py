"""Transformer encoders: BERT-base and BERT-large, in pre-training and with a head for questions.

Per block: one product each for query, key, value and output, two products of activations (scores and
context), and a feed-forward pair of four times the width. The word table is shared with the decoder of the
masked words, so it is trained and exchanged once.

References
----------
Devlin, Chang, Lee and Toutanova 2019, "BERT: pre-training of deep bidirectional transformers", sections 3
and 3.1, appendix A.2; the reference data have 20 masked words in 128 tokens and 80 in 512, 15 % of them.
"""

from nearlinear.models.dnn.network import Network, Stack

SIZES = {"base": (12, 768, 12), "large": (24, 1024, 16)}  # blocks, width, heads
VOCABULARY, POSITIONS, SEGMENTS = 30_522, 512, 2
TOKENS = 128
MASKED_SHARE = 0.15
PRETRAIN, SQUAD = "pretrain", "squad"


def bert(size: str = "base", tokens: int = TOKENS, head: str = PRETRAIN) -> Network:
    """Return BERT for sequences of so many tokens.

    Parameters
    ----------
    size : {"base", "large"}
        12 or 24 blocks, 768 or 1024 wide.
    tokens : int
        Length of a sample.
    head : {"pretrain", "squad"}
        Masked words and the next sentence, or the span of an answer.
    """
    blocks, width, heads = SIZES[size]
    net = Stack(1, tokens)
    table = (VOCABULARY * width, POSITIONS * width, SEGMENTS * width)
    net.embedding("embedding", width, table).layernorm("embedding.norm").dropout("embedding.drop")
    for number in range(1, blocks + 1):
        _block(net, f"block{number}", heads)
    _pretraining(net, tokens) if head == PRETRAIN else net.linear("span", 2)
    task = "" if head == PRETRAIN else f"-{head}"
    name = f"bert-{size}{task}" if tokens == TOKENS else f"bert-{size}{task}-{tokens}"
    title = f"BERT-{size}{f' ({head})' if task else ''}, {tokens} tokens"
    return net.softmax().build(name, title, "Devlin et al. 2019")


def _block(net: Stack, name: str, heads: int) -> None:
    width = net.channels
    net.linear(f"{name}.qkv", 3 * width).attention(f"{name}.attention", heads)
    net.linear(f"{name}.out", width).dropout(f"{name}.out.drop")
    net.add(f"{name}.out.add").layernorm(f"{name}.out.norm")
    net.linear(f"{name}.up", 4 * width).gelu(f"{name}.gelu")
    net.linear(f"{name}.down", width).dropout(f"{name}.down.drop")
    net.add(f"{name}.down.add").layernorm(f"{name}.norm")


def _pretraining(net: Stack, tokens: int) -> None:
    width = net.channels
    pooled = net.branch().take("pool", 1).linear("pool.fc", width)
    pooled.linear("next-sentence", SEGMENTS)
    net.take("masked", max(round(MASKED_SHARE * tokens), 1)).linear("masked.fc", width).gelu("masked.gelu")
    net.layernorm("masked.norm").linear("decoder", VOCABULARY, shared=True)
