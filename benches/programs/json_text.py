# JSON there and back.
import sys
import json
def main(rounds):
    data = {"users": [{"id": i, "name": "user %d" % i, "tags": ["a", "b\n", "ü"], "score": i * 1.5, "ok": i % 2 == 0, "none": None} for i in range(100)]}
    total = 0
    for _ in range(rounds):
        text = json.dumps(data)
        back = json.loads(text)
        total += len(text) + len(back["users"])
    total += len(json.dumps(data, indent=2, sort_keys=True))
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 120))
