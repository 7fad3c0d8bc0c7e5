"""Elevators: passengers are threads, each elevator is a thread, one condition for all."""
import threading
import random
import time
from collections import defaultdict

FLOORS = 6


class Building:
    def __init__(self, elevators, capacity):
        self.changed = threading.Condition()
        self.waiting = defaultdict(list)        # floor -> passengers
        self.elevators = [Elevator(self, n, capacity) for n in range(elevators)]
        self.left = 0
        self.closed = False
        self.violations = []

    def call(self, passenger):
        with self.changed:
            self.waiting[passenger.start_floor].append(passenger)
            self.changed.notify_all()

    def arrived(self):
        self.left -= 1
        if self.left == 0:
            self.closed = True
        self.changed.notify_all()

    def simulate(self, passengers):
        self.left = len(passengers)
        everybody = self.elevators + passengers
        random.shuffle(everybody)
        for t in everybody:
            t.start()
        for t in everybody:
            t.join()


class Elevator(threading.Thread):
    def __init__(self, building, number, capacity):
        super().__init__(name=f"Elevator {chr(ord('A') + number)}")
        self.building = building
        self.capacity = capacity
        self.floor = number % FLOORS
        self.inside = []
        self.moves = 0
        self.carried = 0

    def nearest(self):
        """the floor to go to next, or None"""
        b = self.building
        targets = {p.target_floor for p in self.inside}
        if len(self.inside) < self.capacity:
            targets |= {floor for floor, people in b.waiting.items() if people}
        return min(targets, key=lambda f: (abs(f - self.floor), f), default=None)

    def exchange(self):
        out = [p for p in self.inside if p.target_floor == self.floor]
        for p in out:
            self.inside.remove(p)
            p.floor = self.floor
            p.ride = None
            self.building.arrived()
        queue = self.building.waiting[self.floor]
        while queue and len(self.inside) < self.capacity:
            p = queue.pop(0)
            p.ride = self
            self.inside.append(p)
            self.carried += 1
        if len(self.inside) > self.capacity:
            self.building.violations.append("overloaded")
        self.building.changed.notify_all()

    def run(self):
        b = self.building
        while True:
            with b.changed:
                b.changed.wait_for(lambda: b.closed or self.nearest() is not None)
                if b.closed:
                    break
                target = self.nearest()
                if target == self.floor:
                    self.exchange()
                    continue
                step = 1 if target > self.floor else -1
                self.floor += step
                self.moves += 1
                if not 0 <= self.floor < FLOORS:
                    b.violations.append("left the building")
            time.sleep(0.0002)


class Passenger(threading.Thread):
    def __init__(self, building, name, start_floor, target_floor):
        if start_floor == target_floor:
            raise ValueError("%s: nothing to do" % name)
        threading.Thread.__init__(self, name=name)
        self.building = building
        self.start_floor = self.floor = start_floor
        self.target_floor = target_floor
        self.ride = None
        self.steps = []

    def run(self):
        time.sleep(random.random() * 0.003)
        b = self.building
        b.call(self)
        with b.changed:
            self.steps.append("waits on %d" % self.start_floor)
            b.changed.wait_for(lambda: self.ride is not None or self.floor == self.target_floor)
            self.steps.append("rides")
            b.changed.wait_for(lambda: self.ride is None and self.floor == self.target_floor)
            self.steps.append("is on %d" % self.floor)


def main():
    random.seed(4)
    for elevators, capacity, people in ((1, 1, 6), (2, 3, 15), (3, 2, 15)):
        building = Building(elevators, capacity)
        passengers = []
        for n in range(people):
            start, target = (n * 7) % FLOORS, (n * 5 + 2) % FLOORS
            try:
                passengers.append(Passenger(building, "p%d" % n, start, target))
            except ValueError as e:
                print(e)
        building.simulate(passengers)
        print("%d elevator%s for %d: %d passengers, carried %d, violations %s, empty: %s" % (
            elevators, "s" * (elevators > 1), capacity, len(passengers), sum(e.carried for e in building.elevators),
            building.violations, not any(e.inside for e in building.elevators)))
        print("  ", [p.floor for p in passengers] == [p.target_floor for p in passengers], "; ".join(passengers[0].steps))
        print("  moved:", all(e.moves >= 0 for e in building.elevators) and sum(e.moves for e in building.elevators) > 3)


main()
