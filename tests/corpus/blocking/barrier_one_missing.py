import threading

barrier = threading.Barrier(4)

def player(n):
    print('player', n, 'arrives')
    barrier.wait()
    print('player', n, 'starts')

players = [threading.Thread(target=player, args=(n,)) for n in range(3)]
for p in players:
    p.start()
for p in players:
    p.join()
print('game over')
