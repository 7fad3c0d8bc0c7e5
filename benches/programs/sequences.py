# Sequences in text: slices as keys, reverse complement, translate, sorting of counts.
import sys
def generate(n):
    seed = 42
    out = []
    for _ in range(n):
        seed = (seed * 3877 + 29573) % 139968
        out.append("ACGT"[seed * 4 // 139968])
    return "".join(out)
def frequencies(text, size):
    counts = {}
    for i in range(len(text) - size + 1):
        piece = text[i:i + size]
        if piece in counts:
            counts[piece] += 1
        else:
            counts[piece] = 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
def complement(text):
    table = {"A": "T", "C": "G", "G": "C", "T": "A"}
    result = ""
    for c in reversed(text):
        result += table[c]
    return result
n = int(sys.argv[1]) if len(sys.argv) > 1 else 60000
text = generate(n)
for size in (1, 2, 6):
    print(frequencies(text, size)[:2])
print(complement(text)[:20], text.translate(str.maketrans("ACGT", "TGCA"))[:20], text.count("ACG"))
