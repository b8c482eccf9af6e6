"""The loss of a classifier: softmax of its outputs, and minus the logarithm of what the right class got."""

from typing import Any


def cross_entropy(logits: Any, labels: Any, arrays: Any) -> tuple[Any, Any]:
    """Return the mean loss over the samples, and its slopes at the logits.

    Parameters
    ----------
    logits : ndarray, shape (samples, classes)
        Outputs of the last layer.
    labels : ndarray of int, shape (samples,)
        The right class of each sample.
    arrays : module
        NumPy or CuPy, whichever the others are of.

    Returns
    -------
    loss : ndarray, shape ()
        Stays on the device, so that nobody waits for it.
    slopes : ndarray, shape (samples, classes)
        Derivatives of the mean loss.

    Notes
    -----
    loss = mean(log(sum_j exp(z_j)) - z_label), slope = (softmax(z) - 1[j = label]) / samples; the
    largest logit of each sample is subtracted first, so that nothing overflows.

    Examples
    --------
    >>> import numpy as np
    >>> loss, slopes = cross_entropy(np.zeros((1, 2)), np.array([0]), np)
    >>> round(float(loss), 6), slopes.tolist()
    (0.693147, [[-0.5, 0.5]])
    """
    samples = arrays.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = arrays.exp(shifted)
    sums = powers.sum(axis=1, keepdims=True)
    loss = (arrays.log(sums[:, 0]) - shifted[samples, labels]).mean()
    slopes = powers / sums
    slopes[samples, labels] -= 1
    slopes /= len(logits)
    return loss, slopes
