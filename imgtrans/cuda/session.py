"""A session of a program: pictures of one size in batches of one size, which are recorded, while others come and go."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from imgtrans.cuda.graphs import Graphs, cuda_graphs
from imgtrans.cuda.program import Program
from imgtrans.cuda.transfer import Slot, page_locked
from imgtrans.memory import is_out_of_memory
from imgtrans.protocols import Interrupted, Pixels

# Pixels of a batch. More would keep a large GPU a little busier; but where each picture is of a size of its own, all
# of a batch but one are filled up, and so many are computed in the time that plain PyTorch took for one.
TOGETHER = 1 << 20
MOST_PICTURES = 64  # of a batch


class ProgramSession:
    """A network on a device.

    Pictures of a size are always computed in batches of the same number, the last one filled up with black: which
    algorithm computes a convolution depends on that number, and so would the last bit of a picture on its company.

    Args:
        program: The network.
        device: Where it computes; on a CPU nothing is recorded.

    Attributes:
        reason: Why it is not as fast as it could be; "" if it is.
    """

    def __init__(self, program: Program, device: torch.device) -> None:
        self._program, self._device = program, device
        self._pictures, self._pixels = MOST_PICTURES if device.type == "cuda" else 1, TOGETHER
        self._interrupted = False
        self.reason = ""
        self._graphs: Graphs | None = None
        self._slots: list[Slot] = []
        self._kept: set[tuple[int, int]] = set()  # sizes of pictures that the network keeps
        if device.type == "cuda":
            # Of algorithms that are timed first, or that add up in any order, another may come out next time.
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
            new_stream: Callable[[torch.device], torch.cuda.Stream] = torch.cuda.Stream
            compute, up, down = (new_stream(device) for _ in range(3))
            self._compute = compute
            self._graphs = cuda_graphs(device, compute)
            self._slots = [Slot(device, compute, up, down) for _ in "ab"]

    def expect(self, pictures: int, pixels: int) -> None:
        """Be told how much comes together at most; see :class:`imgtrans.protocols.Batching`."""
        self._pictures, self._pixels = max(1, min(pictures, MOST_PICTURES)), max(1, min(pixels, TOGETHER))

    @property
    def is_whole(self) -> bool:
        """Whether it is as fast as it could be, copies recorded included."""
        return not self.reason and (self._graphs is None or self._graphs.copies)

    def check(self, side: int, *, again: bool = False) -> None:
        """Try with pictures of noise whether recordings give what is recorded; else do without, and give the reason.

        Args:
            side: Of the pictures.
            again: Whether that was tried before, and it is enough that pictures can be computed at all.
        """
        if self._graphs is None:
            return
        if again:
            torch.cuda.synchronize(self._device)  # weights came on another stream
            self.run(np.zeros((1, side, side, 3), np.uint8))
            self._graphs.clear()
            return
        torch.cuda.synchronize(self._device)  # weights came on another stream
        self.expect(2, 2 * side * side)
        noise = np.random.default_rng(0).integers(0, 256, (4, side, side, 3), np.uint8)
        first, *others = (self.run(noise[:2]), self.run(noise), self.run(noise))
        alone = [self.run(noise[:2]) for _ in "ab"]
        if not self._graphs.reason and not all(np.array_equal(first, other[:2]) for other in others):
            self._graphs.reason = "what is recorded comes out differently on this device"
        self._graphs.copies &= all(np.array_equal(first, one) for one in alone)
        self.reason = self._graphs.reason
        self._graphs.clear()
        self.expect(MOST_PICTURES, TOGETHER)

    def together(self, height: int, width: int) -> int:
        """Return of how many pictures of a size a batch is."""
        return max(1, min(self._pictures, self._pixels // (height * width)))

    def interrupt(self) -> None:
        """End a run in another thread before its next operation; see :class:`imgtrans.protocols.Interruptible`."""
        self._interrupted = True

    @torch.inference_mode()
    def run(self, pictures: Pixels) -> Pixels:
        """Translate pictures (N, H, W, 3), 0 to 255 (uint8) or 0 to 65535 (uint16), to the same shape and type.

        Raises:
            MemoryError: If one does not fit into memory.
            ValueError: If the network makes pictures of another size of these; see
                :class:`imgtrans.protocols.Session`.
        """
        self._look_up()
        _, height, width, _ = pictures.shape
        if (height, width) not in self._kept:
            self._check_size(height, width)
        while True:
            try:
                with self._on_device():
                    return self._run(pictures)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                short = MemoryError(str(error))
            self._give_up_memory()
            if self.together(height, width) == 1:
                raise short
            self._pixels //= 2

    def _check_size(self, height: int, width: int) -> None:
        made = self._program.size(height, width)
        if made != (height, width):
            raise ValueError(
                f"of pictures of {width}x{height} the network makes ones of {made[1]}x{made[0]}: "
                "pad them to sides that it keeps"
            )
        self._kept.add(made)

    def _run(self, pictures: Pixels) -> Pixels:
        count, height, width, channels = pictures.shape
        together = self.together(height, width)
        results = np.empty_like(pictures)
        if not self._slots or height * width > self._pixels:
            for start in range(0, count, together):
                self._look_up()
                results[start : start + together] = self._plainly(pictures[start : start + together], together)
            return results
        kind = torch.from_numpy(results).dtype
        if count <= together and self._alone(pictures, (together, height, width, channels), kind, results):
            return results
        under_way: deque[tuple[Slot, int]] = deque()
        for slot in self._slots:
            slot.make_room((together, height, width, channels), kind)
        try:
            for number, start in enumerate(range(0, count, together)):
                self._look_up()
                if len(under_way) == len(self._slots):
                    slot, begin = under_way.popleft()
                    slot.take(results[begin : begin + together])
                slot = self._slots[number % len(self._slots)]
                slot.put(pictures[start : start + together])
                self._batch(slot.given, slot.made)
                slot.fetch()
                under_way.append((slot, start))
            for slot, begin in under_way:
                slot.take(results[begin : begin + together])
        except BaseException:
            torch.cuda.synchronize(self._device)  # before anybody fills the slots again
            raise
        return results

    def _alone(self, pictures: Pixels, shape: tuple[int, ...], kind: torch.dtype, results: Pixels) -> bool:
        """Translate what is no more than a batch by one recording, copies included; return False if there is none."""
        assert self._graphs is not None
        recorded = self._graphs.with_copies(shape, kind, page_locked, self._device, self._translate)
        if recorded is None:
            return False
        recorded.given[: len(pictures)].copy_(torch.from_numpy(pictures))
        recorded.given[len(pictures) :].zero_()
        recorded.replay()
        self._compute.synchronize()
        torch.from_numpy(results).copy_(recorded.made[: len(pictures)])
        return True

    def _plainly(self, pictures: Pixels, together: int) -> Pixels:
        """Translate one batch, and nothing else meanwhile."""
        given = torch.from_numpy(pictures).to(self._device)
        if len(pictures) < together:
            whole = given.new_zeros(together, *given.shape[1:])
            whole[: len(pictures)] = given
            given = whole
        made = torch.empty_like(given)
        self._translate(given, made)
        result: Pixels = made[: len(pictures)].cpu().numpy()
        return result

    def _batch(self, given: Tensor, made: Tensor) -> None:
        assert self._graphs is not None
        with torch.cuda.stream(self._compute):
            self._graphs.run(given, made, self._translate)

    def _translate(self, given: Tensor, made: Tensor) -> None:
        """Fill ``made`` with translations; both are (N, H, W, 3) of whole numbers."""
        # Bytes cross to the device, not floats: a quarter of the traffic.
        self._program(given, made, self._look_up)

    def _give_up_memory(self) -> None:
        if self._graphs is not None:
            with self._on_device():
                torch.cuda.synchronize(self._device)
                self._graphs.clear()
                torch.cuda.empty_cache()

    def _look_up(self) -> None:
        if self._interrupted:
            raise Interrupted

    @contextlib.contextmanager
    def _on_device(self) -> Iterator[None]:
        """Have this thread's kernels go to the device."""
        if self._device.type != "cuda":
            yield
            return
        with torch.cuda.device(self._device), torch.cuda.stream(self._compute):
            yield
