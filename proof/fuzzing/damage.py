"""Damage to the bytes of a file: flipped bits, integers, cuts, repeats, splices, words, noise."""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

#: Most bytes of a damaged file.
MAX_BYTES = 1 << 16
#: Most formats have their sizes in this many bytes at the start.
HEAD_BYTES = 64
WIDTHS = (1, 2, 4, 8)
INTEGERS = (
    *(0, 1, 2, 3, 7, 8, 9, 10, 0x20, 0x2C, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000),
    *(2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1),
)
DIGITS = string.digits.encode()


@dataclass(frozen=True)
class Stock:
    """Material put into a file: pieces of other files, and words of the format."""

    files: Sequence[bytes]
    words: Sequence[bytes]


Mutation: TypeAlias = Callable[[bytearray, Random, Stock], None]


def mutate(content: bytes, rng: Random, stock: Stock) -> bytes:
    """Return a file with random damage, or only noise."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(300))
    return mutated(content, [rng.choice(MUTATIONS) for _ in range(1 + int(rng.expovariate(1.2)))], rng, stock)


def mutated(content: bytes, mutations: Sequence[Mutation], rng: Random, stock: Stock) -> bytes:
    """Return a file after the given mutations."""
    damaged = bytearray(content)
    for mutation in mutations:
        mutation(damaged, rng, stock)
    return bytes(damaged[:MAX_BYTES])


def _flip_bits(content: bytearray, rng: Random, stock: Stock) -> None:
    for _ in range(rng.choice((1, 1, 1, 2, 8)) if content else 0):
        content[_place(content, rng)] ^= 1 << rng.randrange(8)


def _put_integer(content: bytearray, rng: Random, stock: Stock) -> None:
    width, place = rng.choice(WIDTHS), _place(content, rng)
    number = rng.choice(INTEGERS) % 256**width
    content[place : place + width] = number.to_bytes(width, rng.choice(("little", "big")))


def _change_digits(content: bytearray, rng: Random, stock: Stock) -> None:
    """Replace a number written in digits by another."""
    place = next((i for i in range(_place(content, rng), len(content)) if content[i] in DIGITS), None)
    if place is not None:
        stop = next((i for i in range(place, len(content)) if content[i] not in DIGITS), len(content))
        content[place:stop] = str(rng.choice(INTEGERS)).encode()


def _cut(content: bytearray, rng: Random, stock: Stock) -> None:
    del content[_place(content, rng) :]


def _remove(content: bytearray, rng: Random, stock: Stock) -> None:
    place = _place(content, rng)
    del content[place : place + rng.choice((1, 2, 4, 8, 50))]


def _repeat(content: bytearray, rng: Random, stock: Stock) -> None:
    place = _place(content, rng)
    piece = content[place : place + rng.choice((1, 2, 8, 50, 500))]
    content[place:place] = piece * min(rng.choice((1, 1, 2, 100, 5000)), MAX_BYTES // (len(piece) or 1))


def _splice(content: bytearray, rng: Random, stock: Stock) -> None:
    """Continue with the rest of another file."""
    other = rng.choice(stock.files)
    content[_place(content, rng) :] = other[_place(other, rng) :]


def _put_word(content: bytearray, rng: Random, stock: Stock) -> None:
    if stock.words:
        place, word = _place(content, rng), rng.choice(stock.words)
        content[place : place + rng.choice((0, len(word)))] = word


def _put_noise(content: bytearray, rng: Random, stock: Stock) -> None:
    place, noise = _place(content, rng), rng.randbytes(rng.choice((1, 2, 8, 40)))
    content[place : place + rng.choice((0, len(noise)))] = noise


def _place(content: bytes | bytearray, rng: Random) -> int:
    """Return a random place in a file, half of the time in its head; 0 in an empty file."""
    return rng.randrange((min(len(content), HEAD_BYTES) if rng.random() < 0.5 else len(content)) or 1)


#: All mutations, with equal probability.
MUTATIONS: tuple[Mutation, ...] = (
    *(_flip_bits, _put_integer, _change_digits, _cut, _remove, _repeat, _splice, _put_word, _put_noise),
)
