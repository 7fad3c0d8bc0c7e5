import threading

cond = threading.Condition()
turn = "ping"
log = []


def player(me, other):
    global turn
    for _ in range(4):
        with cond:
            cond.wait_for(lambda: turn == me)
            log.append(me)
            turn = other
            cond.notify()


a = threading.Thread(target=player, args=("ping", "pong"))
b = threading.Thread(target=player, args=("pong", "ping"))
a.start(); b.start()
a.join(); b.join()
print(" ".join(log))
