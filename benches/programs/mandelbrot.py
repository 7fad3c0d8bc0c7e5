# Float arithmetic on local variables.
import sys

def inside(size):
    count = 0
    for row in range(size):
        ci = 2.0 * row / size - 1.0
        for column in range(size):
            cr = 2.0 * column / size - 1.5
            zr = 0.0
            zi = 0.0
            steps = 0
            while steps < 50 and zr * zr + zi * zi < 4.0:
                zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
                steps += 1
            if steps == 50:
                count += 1
    return count

print(inside(int(sys.argv[1]) if len(sys.argv) > 1 else 170))
