# Regular expressions over lines of a log.
import sys
import re
def main(rounds):
    line = re.compile(r"(\d+)-(\d+)-(\d+) (\w+): (.*)")
    word = re.compile(r"[a-z]+")
    total = 0
    lines = ["2024-01-%02d info: the user %d logged in from 10.0.0.%d" % (i % 28 + 1, i, i) for i in range(100)]
    for _ in range(rounds):
        for text in lines:
            m = line.match(text)
            total += int(m.group(3)) + len(m.group(5))
            total += len(word.findall(text))
            total += len(re.sub(r"\d+", "#", text))
            if re.search("user 5", text):
                total += 1
        total += len(re.split(r"\s+", lines[0]))
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
