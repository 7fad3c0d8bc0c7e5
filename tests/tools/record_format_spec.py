"""Records what CPython makes of random format specifications: a line each of kind (i, f or s),
value, specification and result (`!Error|message` for an error), separated by tabs.

python3 tests/tools/record_format_spec.py 1500 1 > tests/tables/format_spec.tsv
"""

import random
import sys

count = int(sys.argv[1])
random.seed(int(sys.argv[2]))


def specification():
    text = ""
    if random.random() < 0.5:
        text += random.choice(["", "*", "é", "0", " ", "中"]) + random.choice("<>=^")
    text += random.choice(["", "", "", "+", "-", " "])
    text += random.choice([""] * 6 + ["z"])
    text += random.choice([""] * 4 + ["#"])
    text += random.choice(["", "", "0"])
    text += random.choice(["", "", str(random.randint(0, 40)), str(random.randint(0, 12))])
    text += random.choice([""] * 5 + [",", "_", ",", "_", ",_"])
    if random.random() < 0.5:
        text += random.choice(["." + str(random.randint(0, 25)), "." + str(random.randint(0, 4)), "."])
    return text + random.choice([""] * 3 + list("bcdoxXneEfFgG%s") + ["q", "é"])


def number():
    kind = random.random()
    if kind < 0.1:
        return random.choice(
            [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e16, 1e15, 123456789012345680.0,
             9999999999999998.0, 0.0001, 0.00001, 5e-324, 1.7976931348623157e308, 2.5, 0.5, 1.5, -0.4,
             -745912360790993.2]
        )
    if kind < 0.5:
        return round(random.uniform(-1000, 1000), random.randint(0, 5))
    return random.choice([1, -1]) * random.random() * 10 ** random.randint(-30, 30)


def integer():
    bound = random.choice([10, 10**3, 10**6, 10**18, 10**40])
    return random.choice([0, 1, -1, 65, 255, random.randint(-bound, bound)])


while count:
    spec, kind = specification(), random.choice("ffiis")
    if kind == "s":
        value = random.choice(["", "a", "hello", "héllo", "中文字", "a b c"])
    else:
        value = number() if kind == "f" else integer()
    try:
        result = format(value, spec)
    except Exception as error:
        result = f"!{type(error).__name__}|{error}"
    if not all(c.isprintable() for c in spec + result):
        continue
    print(kind, value if kind == "s" else repr(value), spec, result, sep="\t")
    count -= 1
