# Building and taking apart text: f-strings, format, join, split, strip, replace, case.
import sys
def main(rounds):
    total = 0
    for i in range(rounds):
        name = "user" + str(i % 100)
        line = f"{name},{i},{i * 1.5:.2f},active"
        fields = line.split(",")
        record = ";".join(fields)
        upper = record.upper().replace("ACTIVE", "x")
        text = "%s-%d" % (name, i)
        other = "{}:{}".format(text, len(upper))
        if other.startswith("user1") and line.endswith("active"):
            total += len(other.strip())
        total += len(record) + upper.find(";")
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100000))
