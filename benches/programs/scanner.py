# Scanning text character by character: a tokenizer.
import sys
def tokens(text):
    found = []
    i = 0
    n = len(text)
    while i < n:
        c = text[i]
        if c == " " or c == "\n":
            i += 1
        elif c.isdigit():
            start = i
            while i < n and text[i].isdigit():
                i += 1
            found.append(int(text[start:i]))
        elif c.isalpha() or c == "_":
            start = i
            while i < n and (text[i].isalnum() or text[i] == "_"):
                i += 1
            found.append(text[start:i])
        else:
            found.append(c)
            i += 1
    return found
def vowels(text):
    count = 0
    for c in text:
        if c in "aeiou":
            count += 1
    return count
text = "let total = alpha_1 + 42 * (beta - 7) ; print ( total )\n" * 20
def main(rounds):
    n = 0
    for _ in range(rounds):
        n += len(tokens(text)) + vowels(text)
    return n
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 120))
