"""Plugins as modules that are made at run time, put into sys.modules, replaced and taken away again."""
import importlib
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor


def make_plugin(name, **members):
    module = types.ModuleType(name, f"The plugin {name}.")
    for key, value in members.items():
        setattr(module, key, value)
    sys.modules[name] = module
    return module


class Lazy:
    """Stands for a module and makes its parts when they are asked for."""

    def __init__(self, name):
        self.__name__ = name
        self.made = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self.made.append(name)
        value = len(name)
        setattr(self, name, value)
        return value


class Registry:
    def __init__(self):
        self._lock = threading.Lock()
        self._calls = {}

    def call(self, plugin, *args):
        module = importlib.import_module(plugin)
        with self._lock:
            self._calls[plugin] = self._calls.get(plugin, 0) + 1
        return module.run(*args)

    def report(self):
        return ", ".join(f"{name}={count}" for name, count in sorted(self._calls.items()))


def main():
    make_plugin("plug_upper", run=str.upper)
    make_plugin("plug_twice", run=lambda text: text * 2)
    registry = Registry()
    with ThreadPoolExecutor(4) as executor:
        words = ["alpha", "beta", "gamma", "delta"]
        print(list(executor.map(lambda word: registry.call("plug_upper", word), words)))
        print(list(executor.map(lambda word: registry.call("plug_twice", word), words)))
    print(registry.report())

    import plug_upper
    print(plug_upper, plug_upper.__doc__)
    make_plugin("plug_upper", run=lambda text: f"<{text}>")
    print(registry.call("plug_upper", "x"), plug_upper.run("x"))
    import plug_upper
    print(plug_upper.run("x"))

    sys.modules["plug_lazy"] = lazy = Lazy("plug_lazy")
    import plug_lazy
    from plug_lazy import first, second as other
    print(plug_lazy is lazy, first, other, lazy.made)

    del sys.modules["plug_twice"]
    try:
        import plug_twice
    except ModuleNotFoundError as error:
        print(type(error).__name__, error, error.name)
    sys.modules["plug_none"] = None
    try:
        importlib.import_module("plug_none")
    except ImportError as error:
        print(type(error).__name__, error)
    gone = sys.modules.pop("plug_lazy")
    print(gone is lazy, "plug_lazy" in sys.modules, sorted(n for n in sys.modules if n.startswith("plug_")))


main()
