# Queues and heaps: breadth-first search with deque, Dijkstra with heapq, a ring of tasks.
import sys
import heapq
from collections import deque, defaultdict, Counter
def grid_search(n):
    queue = deque([(0, 0)])
    distance = {(0, 0): 0}
    while queue:
        x, y = queue.popleft()
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            nx, ny = x + dx, y + dy
            if 0 <= nx < n and 0 <= ny < n and (nx, ny) not in distance:
                distance[nx, ny] = distance[x, y] + 1
                queue.append((nx, ny))
    return distance[n - 1, n - 1]
def dijkstra(n):
    graph = defaultdict(list)
    for i in range(n):
        graph[i].append(((i * 7 + 1) % n, i % 13 + 1))
        graph[i].append(((i * 3 + 2) % n, i % 7 + 1))
    best = {0: 0}
    heap = [(0, 0)]
    while heap:
        d, node = heapq.heappop(heap)
        if d > best.get(node, 1 << 60):
            continue
        for other, weight in graph[node]:
            nd = d + weight
            if nd < best.get(other, 1 << 60):
                best[other] = nd
                heapq.heappush(heap, (nd, other))
    return sum(best.values())
def main(rounds):
    total = 0
    for _ in range(rounds):
        total += grid_search(60) + dijkstra(4000)
        total += Counter("the quick brown fox jumps over the lazy dog" * 50).most_common(1)[0][1]
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8))
