# stdin: Ann
# stdin: 3
# stdin: abc
import sys, os

name = input("name? ")
print(f"hello {name}")
try:
    n = int(input())
    m = int(input("another: "))
except ValueError as e:
    print("not a number:", e)
print(n * 2)
try:
    input("more? ")
except EOFError as e:
    print("EOF:", e)
with open("notes.txt", "w", encoding="utf-8") as f:
    f.write("line one\nline två\n")
    f.writelines(["a\n", "b\n"])
    print(f.tell(), f.closed, f.name, f.mode)
with open("notes.txt", encoding="utf-8") as f:
    print(f.readline().rstrip(), [l.strip() for l in f], repr(f.read()))
with open("notes.txt", "ab+") as f:
    f.write(b"\xff")
    f.seek(-3, os.SEEK_END)
    print(f.read())
try:
    open("notes.txt", encoding="utf-8").read()
except UnicodeDecodeError as e:
    print(e)
print(open("notes.txt", errors="replace").read().splitlines()[-1])
for mode in ("x", "q", "rb+w"):
    try:
        open("notes.txt", mode)
    except (OSError, ValueError) as e:
        print(type(e).__name__, e)
os.rename("notes.txt", "old.txt")
print(os.path.exists("notes.txt"), os.path.getsize("old.txt"), sorted(x for x in os.listdir(".") if x.endswith(".txt")))
os.remove("old.txt")
print("to stderr", file=sys.stderr) if 0 else sys.stdout.write("written %d\n" % 5)
