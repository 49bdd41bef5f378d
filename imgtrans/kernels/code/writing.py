"""A small language for kernels: loops, vectors and addresses, written down as LLVM's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

I64, F32, F64 = ir.IntType(64), ir.FloatType(), ir.DoubleType()


class Value:
    """A number or a vector that a kernel computes; ``+``, ``-``, ``*``, ``//`` and comparisons write instructions."""

    def __init__(self, kernel: "Kernel", it: Any) -> None:
        self.kernel, self.it = kernel, it

    @property
    def whole(self) -> bool:
        """Whether it is an integer."""
        return isinstance(self.it.type, ir.IntType)

    def _with(self, other: "Value | int", integer: str, floating: str) -> "Value":
        builder = self.kernel.builder
        right = other.it if isinstance(other, Value) else ir.Constant(self.it.type, other)
        return Value(self.kernel, getattr(builder, integer if self.whole else floating)(self.it, right))

    def __add__(self, other: "Value | int") -> "Value":
        return self._with(other, "add", "fadd")

    def __sub__(self, other: "Value | int") -> "Value":
        return self._with(other, "sub", "fsub")

    def __mul__(self, other: "Value | int") -> "Value":
        return self._with(other, "mul", "fmul")

    def __floordiv__(self, other: "Value | int") -> "Value":
        return self._with(other, "sdiv", "")

    def __mod__(self, other: "Value | int") -> "Value":
        return self._with(other, "srem", "")

    def __lt__(self, other: "Value | int") -> "Value":
        right = other.it if isinstance(other, Value) else ir.Constant(self.it.type, other)
        return Value(self.kernel, self.kernel.builder.icmp_signed("<", self.it, right))

    def is_not(self, other: int) -> "Value":
        """Return whether an integer differs from a constant."""
        right = ir.Constant(self.it.type, other)
        return Value(self.kernel, self.kernel.builder.icmp_signed("!=", self.it, right))

    def both(self, other: "Value") -> "Value":
        """Return whether two conditions hold."""
        return Value(self.kernel, self.kernel.builder.and_(self.it, other.it))


class Variable:
    """A place for a value that changes; LLVM makes registers of it."""

    def __init__(self, kernel: "Kernel", kind: Any) -> None:
        self._kernel = kernel
        with kernel.builder.goto_entry_block():
            self._place = kernel.builder.alloca(kind)

    def set(self, value: Value) -> None:
        """Change it."""
        self._kernel.builder.store(value.it, self._place)

    def get(self) -> Value:
        """Return what it is now."""
        return Value(self._kernel, self._kernel.builder.load(self._place))


class Kernel:
    """A function of LLVM in the making. All of its arguments are integers (addresses, counts), in one table.

    Args:
        module: What it becomes part of.
        name: Its name.
        arguments: The names of its arguments, in their order in the table.
        lanes: Values in a vector.
    """

    def __init__(self, module: ir.Module, name: str, arguments: Sequence[str], lanes: int) -> None:
        self.module, self.lanes = module, lanes
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64]), name)
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        inner = function.append_basic_block("body")
        self.builder.branch(inner)
        self.builder.position_at_end(inner)
        table = Value(self, function.args[0])
        self._arguments = {name: self.integer(table + 8 * at) for at, name in enumerate(arguments)}

    def __getitem__(self, name: str) -> Value:
        """Return an argument."""
        return self._arguments[name]

    def end(self) -> None:
        """Write its end."""
        self.builder.ret_void()

    def number(self, value: int) -> Value:
        """Return an integer."""
        return Value(self, ir.Constant(I64, value))

    def constant(self, value: float, lanes: int) -> Value:
        """Return a vector of one number."""
        return Value(self, ir.Constant(ir.VectorType(F32, lanes), [value] * lanes))

    def variable(self, lanes: int, kind: Any = F32) -> Variable:
        """Return a place for a vector."""
        return Variable(self, ir.VectorType(kind, lanes))

    def counter(self) -> Variable:
        """Return a place for an integer."""
        return Variable(self, I64)

    def room(self, count: int) -> Value:
        """Return the address of room for so many numbers."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(ir.ArrayType(F32, count))
            return Value(self, self.builder.ptrtoint(place, I64))

    def _at(self, address: Value, kind: Any) -> Any:
        return self.builder.inttoptr(address.it, kind.as_pointer())

    def integer(self, address: Value) -> Value:
        """Return the integer at an address."""
        return Value(self, self.builder.load(self._at(address, I64), align=8))

    def load(self, address: Value, lanes: int, kind: Any = F32) -> Value:
        """Return the vector at an address."""
        return Value(self, self.builder.load(self._at(address, ir.VectorType(kind, lanes)), align=4))

    def store(self, value: Value, address: Value) -> None:
        """Write a vector to an address."""
        self.builder.store(value.it, self._at(address, value.it.type), align=4)

    def spread(self, address: Value, lanes: int) -> Value:
        """Return a vector of the one number at an address."""
        one = self.builder.load(self._at(address, F32), align=4)
        kind = ir.VectorType(F32, lanes)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
        none = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        return Value(self, self.builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), none))

    def fused(self, a: Value, b: Value, c: Value) -> Value:
        """Return ``a * b + c``, rounded once."""
        kind = a.it.type
        name = f"llvm.fma.v{kind.count}f{32 if kind.element == F32 else 64}"
        function = self.module.globals.get(name) or ir.Function(self.module, ir.FunctionType(kind, [kind] * 3), name)
        return Value(self, self.builder.call(function, [a.it, b.it, c.it]))

    def larger(self, a: Value, b: Value) -> Value:
        """Return the larger of two values; what is no number stays none."""
        is_less = self.builder.fcmp_ordered("<", a.it, b.it)
        return Value(self, self.builder.select(is_less, b.it, a.it))

    def smaller_integer(self, a: Value, b: Value) -> Value:
        """Return the smaller of two integers."""
        return Value(self, self.builder.select((a < b).it, a.it, b.it))

    def chosen(self, condition: Value, a: Value, b: Value) -> Value:
        """Return ``a`` where a condition holds, else ``b``."""
        return Value(self, self.builder.select(condition.it, a.it, b.it))

    def doubled(self, value: Value) -> Value:
        """Return a vector in double precision."""
        return Value(self, self.builder.fpext(value.it, ir.VectorType(F64, value.it.type.count)))

    def floating(self, value: Value, lanes: int) -> Value:
        """Return a vector, in double precision, of one integer."""
        one = self.builder.sitofp(value.it, F64)
        kind = ir.VectorType(F64, lanes)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
        none = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        return Value(self, self.builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), none))

    @contextmanager
    def loop(self, stop: Value, start: Value | int = 0, step: Value | int = 1) -> Iterator[Value]:
        """Repeat what is written within, for an integer that counts from ``start`` to below ``stop``."""
        builder = self.builder
        first = start.it if isinstance(start, Value) else ir.Constant(I64, start)
        before = builder.block
        head, body, behind = (builder.append_basic_block(name) for name in ("head", "body", "behind"))
        builder.branch(head)
        builder.position_at_end(head)
        at = builder.phi(I64)
        at.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<", at, stop.it), body, behind)
        builder.position_at_end(body)
        yield Value(self, at)
        further = step.it if isinstance(step, Value) else ir.Constant(I64, step)
        at.add_incoming(builder.add(at, further), builder.block)
        builder.branch(head)
        builder.position_at_end(behind)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Do what is written within if a condition holds."""
        with self.builder.if_then(condition.it):
            yield

    @contextmanager
    def either(self, condition: Value) -> Iterator[tuple[Any, Any]]:
        """Do one of two things, each written within one of the two contexts that are given."""
        with self.builder.if_else(condition.it) as (then, otherwise):
            yield then, otherwise

    def vectors(self, count: Value) -> Iterator[tuple[Value, int]]:
        """Write the same twice: for whole vectors of ``count`` values, then for each value that is left.

        Yields:
            The first value's number, and how many there are in the vector.
        """
        whole = count // self.lanes * self.lanes
        with self.loop(whole, step=self.lanes) as at:
            yield at, self.lanes
        with self.loop(count, start=whole) as at:
            yield at, 1
