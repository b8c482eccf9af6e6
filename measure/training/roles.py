"""What a rank does in a training run: a worker of its rule, or a server."""

import time
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from nearlinear.measure.training.exchanges import (
    BlockingExchange,
    OverlappedExchange,
    Span,
    Summing,
    serve,
)  # fmt: skip
from nearlinear.measure.training.mailbox import Mailbox
from nearlinear.measure.training.replica import Replica, StepTimes
from nearlinear.measure.transports.buffers import on_host
from nearlinear.measure.transports.transport import Transport
from nearlinear.models.training.synchronisation import BulkSynchronous, Gossip, ServerRule

DONE = np.iinfo(np.int64).max  # clock of a worker that holds nobody back any more


class Role(ABC):
    """A rank's part."""

    @abstractmethod
    def run(self, steps: int) -> list[StepTimes]:
        """Take part in so many steps, and return those of this rank's own replica."""

    def result(self, mean: Any) -> Any:
        """Return on rank 0 the weights that the rule calls its result, given the mean of the workers'."""
        return mean

    def offer(self) -> None:  # noqa: B027 - workers have it already
        """Send rank 0 what it needs for the result."""

    def close(self) -> None:  # noqa: B027 - most roles hold nothing
        """Give back what the role holds."""


class BulkWorker(Role):
    """A worker that averages with all others.

    Parameters
    ----------
    exchange : BlockingExchange or OverlappedExchange or None
        None for one worker alone.
    """

    def __init__(
        self,
        rule: BulkSynchronous,
        replica: Replica,
        exchange: BlockingExchange | OverlappedExchange | None,
        workers: int,
    ) -> None:
        self._rule, self._replica, self._exchange, self._workers = rule, replica, exchange, workers
        self._step = 0

    def run(self, steps: int) -> list[StepTimes]:
        """Compute, exchange, update."""
        step = self._with_gradients if self._rule.averages == "gradients" else self._with_weights
        return [step() for _ in range(steps)]

    def close(self) -> None:
        """End the exchange."""
        if self._exchange:
            self._exchange.close()

    def _with_gradients(self) -> StepTimes:
        times, exchange = StepTimes(), self._exchange
        self._replica.differentiate(times, exchange.on_layer if exchange else None)
        if exchange:
            self._finish(times, exchange)
        self._replica.update(times, 1.0 / self._workers)
        return times

    def _with_weights(self) -> StepTimes:
        times = StepTimes()
        self._replica.differentiate(times)
        self._replica.update(times)
        self._step += 1
        if self._exchange and self._step % self._rule.period == 0:
            self._finish(times, self._exchange)
            self._replica.weights *= np.float32(1.0 / self._workers)
        return times

    def _finish(self, times: StepTimes, exchange: BlockingExchange | OverlappedExchange) -> None:
        exchanged = exchange.finish()
        times.exchange_s, times.wait_s = exchanged.exposed_s, exchanged.waited_s
        times.hidden_s = exchanged.hidden_s


class BulkServer(Role):
    """A parameter server of the averaging."""

    def __init__(
        self, rule: BulkSynchronous, transport: Transport, summing: Summing, spans: list[Span], barrier: bool
    ) -> None:
        self._rule, self._transport, self._summing = rule, transport, summing
        self._spans, self._barrier, self._step = spans, barrier, 0

    def run(self, steps: int) -> list[StepTimes]:
        """Serve every exchange that falls into these steps."""
        before, self._step = self._step // self._rule.period, self._step + steps
        exchanges = self._step // self._rule.period - before
        serve(self._summing, self._transport, self._spans, self._barrier, exchanges)
        return []


class Visitor(Role):
    """A worker that visits a server now and then, at its own pace."""

    def __init__(self, rule: ServerRule, replica: Replica, mailbox: Mailbox, server: int) -> None:
        self._rule, self._replica, self._mailbox, self._server = rule, replica, mailbox, server
        self._taken, self._step = replica.weights.copy(), 0

    def run(self, steps: int) -> list[StepTimes]:
        """Compute and update; exchange when it is time; at last tell the server that this is all."""
        found = [self._one() for _ in range(steps)]
        self._mailbox.send(np.zeros(len(self._taken), np.float32), self._server, last=True)
        self._mailbox.finish()
        return found

    def result(self, mean: Any) -> Any:
        """Return the server's weights, which it sends to rank 0 when asked."""
        answer = self._mailbox.take(self._server)
        assert answer is not None
        return answer[1].copy()

    def _one(self) -> StepTimes:
        times, replica = StepTimes(), self._replica
        replica.differentiate(times)
        replica.update(times)
        self._step += 1
        if self._step % self._rule.period == 0:
            begin = time.perf_counter()
            self._mailbox.send(on_host(self._rule.bring(replica.weights, self._taken)), self._server)
            answer = self._mailbox.take(self._server)
            assert answer is not None
            self._rule.take(replica.weights, replica.hold(answer[1]))
            self._taken[:] = replica.weights
            times.exchange_s = time.perf_counter() - begin
        return times


class Server(Role):
    """The server of an asynchronous rule: it answers one worker after the other, or lets it wait."""

    def __init__(self, rule: ServerRule, weights: Any, mailbox: Mailbox, workers: int) -> None:
        self._rule, self._centre, self._mailbox = rule, weights, mailbox
        self._clock = np.zeros(workers, dtype=np.int64)
        self._held: list[int] = []

    def run(self, steps: int) -> list[StepTimes]:
        """Serve until every worker has said that it is done; all of them begin together."""
        self._clock[:] = 0
        while (self._clock < DONE).any():
            visit = self._mailbox.take()
            assert visit is not None
            peer, brought, last = visit
            self._clock[peer] = DONE if last else self._clock[peer] + 1
            if not last:
                self._answer(peer, self._rule.serve(self._centre, brought))
            self._release()
        return []

    def _answer(self, peer: int, answer: Any) -> None:
        """Send an answer, or note that a worker waits for it."""
        if self._rule.waits(int(self._clock[peer] - self._clock.min())):
            self._held.append(peer)
        else:
            self._mailbox.send(answer, peer)

    def _release(self) -> None:
        """Answer whoever has waited long enough, with the weights of now."""
        waiting, self._held = self._held, []
        for peer in waiting:
            self._answer(peer, self._centre)

    def offer(self) -> None:
        """Send the weights to rank 0."""
        self._mailbox.send(self._centre, 0)

    def close(self) -> None:
        """Wait until all letters are through."""
        self._mailbox.finish()


class Gossiper(Role):
    """A worker that pushes its weights to another one at random, and merges what is pushed to it."""

    def __init__(
        self, rule: Gossip, replica: Replica, mailbox: Mailbox, rank: int, workers: int, seed: int
    ) -> None:
        self._rule, self._replica, self._mailbox = rule, replica, mailbox
        self._others = [peer for peer in range(workers) if peer != rank]
        self._random = np.random.default_rng([seed, rank])
        self.share = 1.0 / workers

    def run(self, steps: int) -> list[StepTimes]:
        """Compute and update, merge what has come, push by chance; at last take all that is under way."""
        found = [self._one() for _ in range(steps)]
        for _ in range(self._mailbox.announced()):
            self._merge(self._mailbox.take())
        self._mailbox.finish()
        return found

    def _one(self) -> StepTimes:
        times = StepTimes()
        self._replica.differentiate(times)
        self._replica.update(times)
        begin = time.perf_counter()
        while (letter := self._mailbox.take(wait=False)) is not None:
            self._merge(letter)
        if self._others and self._random.random() < self._rule.probability:
            self._push(int(self._random.choice(self._others)))
        times.exchange_s = time.perf_counter() - begin
        return times

    def _push(self, peer: int) -> None:
        self.share /= 2
        weights = on_host(self._replica.weights)
        self._mailbox.send(np.append(weights, np.float32(self.share)), peer)

    def _merge(self, letter: tuple[int, Any, bool] | None) -> None:
        assert letter is not None
        pushed, share = letter[1][:-1], float(letter[1][-1])
        weights = self._replica.weights
        self.share = self._rule.merge(weights, self.share, self._replica.hold(pushed), share)
